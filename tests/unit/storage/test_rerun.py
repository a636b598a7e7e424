"""Judging again: the old verdict stays until there is a new one, however the rerun ends."""

from pathlib import Path

import pytest

from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.errors import JobError
from ddaemon.storage.job_reader import JobReader, JobView
from ddaemon.storage.place import Place
from ddaemon.storage.queue import Arrival, Claim, Outcome, Queue
from ddaemon.storage.verdict_list import VerdictList, VerdictView
from ddaemon.storage.verdicts import DetectorRef

OLD, NEW = DetectorRef("old", "1", "a" * 64), DetectorRef("new", "2", "b" * 64)


class Desk:
    """A job with one verdict."""

    def __init__(self, root: Path, place: Place) -> None:
        self.place = place
        self.queue = Queue(Database.create(place), max_attempts=2, backoff_s=0)
        self.video = root / "clip.mp4"
        self.video.write_bytes(b"video")
        stamp = FileStamp.of(self.video.lstat())
        self.job, _ = self.queue.enqueue(Arrival(self.video, stamp, "c" * 64, 1.0))
        self.publish(Outcome("real", None, 0.1), OLD)

    def claim(self) -> Claim:
        claim = self.queue.claim(60)
        assert claim is not None
        return claim

    def publish(self, outcome: Outcome, judge: DetectorRef) -> None:
        self.queue.begin_publishing(self.claim(), outcome, "clip")
        self.queue.finish(self.job, "d" * 64, judge)

    @property
    def row(self) -> JobView:
        return JobReader(self.place).get(self.job)

    @property
    def verdicts(self) -> list[VerdictView]:
        return list(VerdictList(self.place).between(0, 1e12))


@pytest.fixture
def desk(tmp_path: Path, place: Place) -> Desk:
    return Desk(tmp_path, place)


def as_before(desk: Desk, before: JobView) -> None:
    after = desk.row
    for name in ("state", "decision", "probability", "reason", "folder", "finished_at"):
        assert getattr(after, name) == getattr(before, name), name
    [only] = desk.verdicts
    assert (only.detector, only.current) == ("old", 1)
    assert desk.queue.claim(60) is None, "nothing is left to do"
    desk.queue.rerun(desk.job, "new")  # and it can be asked for again


def test_a_second_verdict_gets_a_folder_of_its_own_and_the_first_stays(desk: Desk) -> None:
    desk.queue.rerun(desk.job, "new")
    assert (desk.row.state, desk.row.decision, desk.row.folder) == ("pending", "real", "clip")
    claim = desk.claim()
    assert claim.detector == "new"
    desk.queue.begin_publishing(claim, Outcome("fake", None, 0.9), "clip")
    desk.queue.finish(desk.job, "e" * 64, NEW)
    assert (desk.row.decision, desk.row.folder) == ("fake", "clip-2")
    told = [(v.folder, v.decision, v.detector, v.current) for v in desk.verdicts]
    assert told == [("clip", "real", "old", 0), ("clip-2", "fake", "new", 1)]


def test_after_a_rerun_a_job_is_judged_by_the_detector_in_use_again(desk: Desk) -> None:
    desk.queue.rerun(desk.job, "new")
    desk.publish(Outcome("fake", None, 0.9), NEW)
    desk.queue.rerun(desk.job, "newest")
    assert desk.claim().detector == "newest"


@pytest.mark.parametrize("running", [False, True])
def test_a_cancelled_rerun_leaves_the_verdict_that_was(desk: Desk, running: bool) -> None:
    before = desk.row
    desk.queue.rerun(desk.job, "new")
    if running:
        desk.claim()
    desk.queue.cancel(desk.job)
    as_before(desk, before)


def test_a_rerun_whose_attempts_all_fail_is_no_quarantine(desk: Desk) -> None:
    before, told = desk.row, []
    desk.queue.on_ended = lambda _connection, row: told.append(row.id)
    desk.queue.rerun(desk.job, "new")
    for _ in range(2):
        desk.queue.fail(desk.claim(), "it crashed")
    assert desk.row.error == "it crashed"
    assert not told
    as_before(desk, before)


def test_a_service_that_dies_in_mid_rerun_costs_an_attempt_and_no_verdict(desk: Desk) -> None:
    before = desk.row
    desk.queue.rerun(desk.job, "new")
    desk.claim()
    desk.queue.reclaim(everything=True)
    assert desk.claim().detector == "new"
    desk.queue.reclaim(everything=True)
    as_before(desk, before)


def test_a_rerun_whose_files_are_lost_before_publication_is_judged_once_more(desk: Desk) -> None:
    desk.queue.rerun(desk.job, "new")
    desk.queue.begin_publishing(desk.claim(), Outcome("fake", None, 0.9), "clip")
    desk.queue.judge_again(desk.job, "lost")
    assert (desk.row.decision, desk.row.folder) == ("real", "clip")
    claim = desk.claim()
    assert claim.detector == "new"
    desk.queue.begin_publishing(claim, Outcome("fake", None, 0.9), "clip")
    assert desk.row.folder == "clip-2"


def test_a_video_that_is_gone_or_altered_is_refused_in_a_line_and_the_job_stays(desk: Desk) -> None:
    before = desk.row
    desk.video.write_bytes(b"another")
    with pytest.raises(JobError, match=r"no longer at .*clip\.mp4 as it was"):
        desk.queue.rerun(desk.job, "new")
    assert desk.row == before


def test_what_has_no_verdict_can_not_be_judged_again(desk: Desk) -> None:
    desk.queue.rerun(desk.job, "new")
    with pytest.raises(JobError, match="is pending"):
        desk.queue.rerun(desk.job, "new")


def test_the_audit_log_tells_of_reruns(desk: Desk) -> None:
    desk.queue.rerun(desk.job, "new")
    desk.queue.cancel(desk.job)
    log = AuditLog(desk.place)
    assert log.verify().fault is None
    assert [entry.kind for entry in log.chain()][-3:] == ["rerun", "cancelled", "rerun ended"]
