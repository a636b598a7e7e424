"""What is half done is brought to its end, wherever a crash left it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ddaemon.daemon.publishing.outbox import COPY, PublishDirectory
from ddaemon.daemon.publishing.publisher import Publisher, attempt_folder, clean_work, clear_attempt
from ddaemon.storage.audit import Entry
from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp, hash_file
from ddaemon.storage.database import Database
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.place import Place
from ddaemon.storage.queue import Arrival, Claim, Outcome, Queue


class Desk:
    """A queue with one claimed job, and the folders around it."""

    def __init__(self, root: Path, place: Place | None = None, *, move: bool = False) -> None:
        self.place = place or root / "state.db"
        self.queue = Queue(Database.create(self.place), max_attempts=1, backoff_s=0)
        self.reader = JobReader(self.place)
        self.inbox, self.work, self.outbox, self.quarantine = (
            root / name for name in ("inbox", "work", "outbox", "quarantine")
        )
        for folder in (self.inbox, self.work, self.outbox, self.quarantine):
            folder.mkdir()
        self.publisher = Publisher(
            self.queue, self.work, self.outbox, self.quarantine, move_original=move
        )
        self.video = self.drop("clip.mp4", b"video")
        claim = self.queue.claim(60)
        assert claim is not None
        self.claim: Claim = claim

    def drop(self, name: str, content: bytes) -> Path:
        path = self.inbox / name
        path.write_bytes(content)
        digest = content.hex().ljust(64, "0")
        self.queue.enqueue(Arrival(path, FileStamp.of(path.lstat()), digest, 1.0))
        return path

    def judge(self) -> Path:
        folder = attempt_folder(self.work, self.claim.job, self.claim.token)
        folder.mkdir()
        (folder / "verdict.json").write_text("{}")
        self.queue.begin_publishing(self.claim, Outcome("real", None, 0.1), "clip-1")
        return folder

    @property
    def log(self) -> list[Entry]:
        log = AuditLog(self.place)
        assert log.verify().fault is None
        return list(log.chain())

    @property
    def published(self) -> list[Entry]:
        return [entry for entry in self.log if entry.kind == "published"]

    @property
    def state(self) -> str:
        return self.reader.get(self.claim.job).state


@pytest.fixture
def desk(tmp_path: Path, place: Place) -> Desk:
    return Desk(tmp_path, place)


def test_a_judged_job_is_published_once(desk: Desk) -> None:
    desk.judge()
    for _ in range(2):
        desk.publisher.publish_all()
    assert [path.name for path in desk.outbox.iterdir()] == ["clip-1"]
    assert desk.state == "done"
    assert desk.video.exists()


def test_a_crash_between_the_move_and_the_rename_is_taken_up(desk: Desk) -> None:
    desk.judge().rename(desk.outbox / ".clip-1.part")
    desk.publisher.publish_all()
    assert (desk.outbox / "clip-1" / "verdict.json").is_file()
    assert desk.state == "done"


def test_a_crash_between_the_rename_and_the_database_is_taken_up(desk: Desk) -> None:
    desk.judge().rename(desk.outbox / "clip-1")
    desk.publisher.publish_all()
    assert desk.state == "done"


def test_a_verdict_whose_files_were_lost_is_judged_again_and_never_published_empty(
    desk: Desk,
) -> None:
    folder = desk.judge()
    (folder / "verdict.json").unlink()
    folder.rmdir()
    desk.publisher.publish_all()
    assert list(desk.outbox.iterdir()) == []
    assert desk.state == "pending"


def test_an_outbox_that_is_gone_is_said_and_tried_again(desk: Desk) -> None:
    desk.judge()
    desk.outbox.rmdir()
    desk.outbox.write_text("not a folder")
    desk.publisher.publish_all()
    assert desk.publisher.fault is not None
    assert desk.claim.job in desk.publisher.fault
    assert desk.state == "publishing"
    desk.outbox.unlink()
    desk.outbox.mkdir()
    desk.publisher.publish_all()
    assert desk.publisher.fault is None
    assert desk.state == "done"


def test_a_quarantined_job_leaves_a_reason(desk: Desk) -> None:
    desk.queue.fail(desk.claim, "the decoder died")
    desk.publisher.publish_all()
    (folder,) = desk.quarantine.iterdir()
    reason = json.loads((folder / "reason.json").read_text())
    assert reason["last_error"] == "the decoder died"
    assert desk.reader.get(desk.claim.job).folder == folder.name


def test_moved_originals_can_be_retried_from_the_quarantine(tmp_path: Path) -> None:
    desk = Desk(tmp_path, move=True)
    desk.queue.fail(desk.claim, "x")
    desk.publisher.publish_all()
    assert not desk.video.exists()
    desk.queue.retry(desk.claim.job)
    claim = desk.queue.claim(60)
    assert claim is not None
    assert claim.source.read_bytes() == b"video"
    assert FileStamp.at(claim.source) == claim.stamp
    desk.claim = claim
    desk.judge()
    desk.publisher.publish_all()
    assert (desk.outbox / "clip-1" / "clip.mp4").read_bytes() == b"video"


def test_a_file_that_was_replaced_after_its_judgement_is_not_moved(tmp_path: Path) -> None:
    desk = Desk(tmp_path, move=True)
    desk.judge()
    desk.video.write_bytes(b"another video")
    desk.publisher.publish_all()
    assert desk.video.read_bytes() == b"another video"
    assert [path.name for path in (desk.outbox / "clip-1").iterdir()] == ["verdict.json"]


def test_a_start_removes_what_dead_attempts_left_and_keeps_what_is_judged(desk: Desk) -> None:
    kept = desk.judge()
    (desk.work / "old-attempt").mkdir()
    (desk.work / "old.progress").touch()
    clean_work(desk.work, desk.queue)
    assert list(desk.work.iterdir()) == [kept]


def record_in(folder: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((folder / "verdict.json").read_text())
    return record


def test_the_record_lists_every_file_beside_it_the_moved_original_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path, move=True)
    work = desk.judge()
    (work / "heatmaps").mkdir()
    (work / "heatmaps" / "01.png").write_bytes(b"png")
    desk.publisher.publish_all()
    folder = desk.outbox / "clip-1"
    assert record_in(folder)["files"] == {
        "clip.mp4": hash_file(folder / "clip.mp4"),
        "heatmaps/01.png": hash_file(folder / "heatmaps" / "01.png"),
    }


def test_the_log_holds_the_hash_of_the_record_as_it_lies_in_the_outbox(desk: Desk) -> None:
    desk.judge()
    desk.publisher.publish_all()
    (entry,) = desk.published
    assert entry.sha256 == hash_file(desk.outbox / "clip-1" / "verdict.json")
    assert (entry.job, json.loads(entry.detail)["folder"]) == (desk.claim.job, "clip-1")


def test_the_record_names_the_last_entry_of_the_log_before_its_own(desk: Desk) -> None:
    desk.judge()
    desk.publisher.publish_all()
    (custody,) = record_in(desk.outbox / "clip-1")["custody"]  # type: ignore[misc]
    judged = next(entry for entry in desk.log if entry.kind == "judged")
    assert custody["detail"] == f"entry {judged.head}"


def test_a_late_copy_of_the_video_is_moved_along_and_the_log_tells_of_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, move=True)
    desk.judge()
    desk.publisher.publish_all()
    desk.drop("late.mp4", b"video")
    desk.publisher.publish_all()
    assert (desk.outbox / "clip-1" / "late.mp4").is_file()
    assert [entry.kind for entry in desk.log[-2:]] == ["seen again", "moved along"]
    assert json.loads(desk.log[-1].detail) == {"text": "late.mp4"}


KILLED = """
import os, signal, sys
from pathlib import Path
from ddaemon.daemon.publishing import publisher
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Queue

root, moment = Path(sys.argv[1]), sys.argv[2]
queue = Queue(Database.open(root / "state.db"))
die = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)

def after(call):
    return lambda *arguments: (call(*arguments), die())

if moment == "before the record is closed":
    publisher.close_record = die
if moment == "after the record is closed":
    publisher.close_record = after(publisher.close_record)
if moment == "before the log is told":
    queue.finish = die
if moment == "after the log is told":
    queue.finish = after(queue.finish)
folders = (root / name for name in ("work", "outbox", "quarantine"))
publisher.Publisher(queue, *folders, move_original=True).publish_all()
"""


@pytest.mark.parametrize(
    "moment",
    [
        "before the record is closed",
        "after the record is closed",
        "before the log is told",
        "after the log is told",
    ],
)
def test_killed_at_any_moment_there_is_one_publication_in_the_log_with_the_right_hash(
    tmp_path: Path, moment: str
) -> None:
    desk = Desk(tmp_path, move=True)
    desk.judge()
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), moment], capture_output=True, check=False
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    for _ in range(2):
        desk.publisher.publish_all()
    (folder,) = desk.outbox.iterdir()
    (entry,) = desk.published
    assert entry.sha256 == hash_file(folder / "verdict.json")
    assert record_in(folder)["files"] == {"clip.mp4": hash_file(folder / "clip.mp4")}
    assert desk.state == "done"


@pytest.mark.parametrize("text", ["", "[]", '{"custody": [1]}', '{"detector": "mine"}', "[" * 9999])
def test_a_verdict_that_was_damaged_is_judged_again_and_not_published(
    desk: Desk, text: str
) -> None:
    (desk.judge() / "verdict.json").write_text(text)
    desk.publisher.publish_all()
    assert list(desk.outbox.iterdir()) == []
    assert (desk.state, desk.published) == ("pending", [])


def test_a_verdict_that_can_not_be_written_again_is_said_and_ends_no_thread(desk: Desk) -> None:
    (desk.judge() / "verdict.json").write_text('{"facts": NaN}')
    desk.publisher.publish_all()
    assert "is damaged" in str(desk.publisher.fault)
    assert (desk.state, desk.published) == ("publishing", [])


def test_what_was_forgotten_stays_in_the_log(desk: Desk) -> None:
    desk.judge()
    desk.publisher.publish_all()
    assert desk.queue.purge(older_than_s=-1) == 1
    assert [entry.kind for entry in desk.log[-2:]] == ["published", "forgotten"]
    assert desk.log[-1].job == desk.claim.job


def test_an_ended_attempt_leaves_nothing_and_touches_no_other(desk: Desk) -> None:
    folder, other = desk.work / "a-1", desk.work / "b-2"
    folder.mkdir()
    other.mkdir()
    for half in (".a-1.verdict.json", "a-1.progress", "a-1.new"):
        (desk.work / half).touch()
    clear_attempt(folder)
    assert list(desk.work.iterdir()) == [other]


def test_a_reason_that_is_there_already_leaves_nothing_in_work(desk: Desk) -> None:
    directory = PublishDirectory(desk.quarantine)
    for _ in range(2):
        directory.place_reason("clip-1", desk.work / "half", {"reason": "x"}, None)
    assert list(desk.work.iterdir()) == []


def test_a_video_that_was_copied_before_a_crash_is_not_copied_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.outbox / "clip-1"
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"video")
    rename = Path.rename

    def across(self: Path, target: Path) -> Path:
        if self.parent == desk.inbox:
            raise OSError("another file system")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", across)
    assert PublishDirectory(desk.outbox).add("clip-1", desk.video) == folder / "clip.mp4"
    assert not desk.video.exists()
    (desk.inbox / "clip.mp4").write_bytes(b"another")
    (folder / COPY).write_bytes(b"half a cop")
    assert PublishDirectory(desk.outbox).add("clip-1", desk.video).read_bytes() == b"another"
    assert sorted(path.name for path in folder.iterdir()) == ["clip-2.mp4", "clip.mp4"]


def test_a_video_that_was_moved_before_a_crash_is_followed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, move=True)
    desk.judge()
    final = desk.outbox / "clip-1"
    attempt_folder(desk.work, desk.claim.job, desk.claim.token).rename(final)
    desk.video.rename(final / "clip.mp4")
    desk.publisher.publish_all()
    assert desk.reader.source(desk.claim.job) == final / "clip.mp4"
