"""Whatever was done to a published verdict is found; what can't be known is said."""

import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from ddaemon.daemon.home.home import Home
from ddaemon.daemon.publishing.publisher import Publisher, attempt_folder
from ddaemon.daemon.verify.verification import Check, CheckState, VerifyRequest, overall, verify
from ddaemon.record.file import write_record
from ddaemon.stages.base import Subject
from ddaemon.stages.verdict import known_custody
from ddaemon.storage.content import FileStamp, hash_file
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Arrival, Outcome, Queue
from ddaemon.storage.registry import Registry

WHEN = "2026-01-01T00:00:00.000Z"


class Case:
    """A home in which one verdict was published, its original moved along or left."""

    def __init__(self, root: Path, *, move: bool = False) -> None:
        self.home = Home(root / "home")
        self.home.make()
        self.home.config.touch()
        self.detector = own_detector(self.home)
        self.queue = Queue(Database.create(self.home.database))
        self.video = self.home.inbox / "clip.mp4"
        self.video.write_bytes(b"a video")
        stamp = FileStamp.of(self.video.lstat())
        digest = hash_file(self.video)
        self.job, _ = self.queue.enqueue(Arrival(self.video, stamp, digest, time.time()))
        self._publish(digest, move)
        self.folder = self.home.outbox / f"clip-{self.job}"
        self.record = self.folder / "verdict.json"

    def _publish(self, digest: str, move: bool) -> None:
        claim = self.queue.claim(60)
        assert claim is not None
        work = attempt_folder(self.home.work, claim.job, claim.token)
        (work / "heatmaps").mkdir(parents=True)
        for name in ("heatmap.png", "heatmaps/01.png"):
            (work / name).write_text(name)
        write_record(a_record(self.job, digest, self.home), work)
        self.queue.begin_publishing(claim, Outcome("fake", None, 0.9), f"clip-{self.job}")
        folders = self.home.work, self.home.outbox, self.home.quarantine
        Publisher(self.queue, *folders, move_original=move).publish_all()

    def checks(self, **how: Any) -> list[Check]:
        return list(
            verify(VerifyRequest(self.home, how.pop("folder", self.folder), rerun=False, **how))
        )

    def wrong(self, **how: Any) -> list[tuple[str, str]]:
        return [(c.what, c.text) for c in self.checks(**how) if c.state is CheckState.FAULT]

    def state(self, what: str, **how: Any) -> CheckState:
        return overall([check for check in self.checks(**how) if check.what == what])


def own_detector(home: Home) -> Path:
    """The bundled detector under a name of its own."""
    folder = shutil.copytree(Registry.of_bundled().active().path, home.detectors / "mine")
    record = json.loads((folder / "record.json").read_text()) | {"name": "mine"}
    (folder / "record.json").write_text(json.dumps(record))
    return Path(folder)


def a_record(job: str, digest: str, home: Home) -> dict[str, Any]:
    detector = Registry(home.detectors).get("mine")
    subject = Subject("clip.mp4", digest, 7, WHEN, WHEN, job)
    return {
        "format": 2,
        "job": job,
        "input": {"name": "clip.mp4", "sha256": digest},
        "decision": "fake",
        "reason": None,
        "probability": 0.9,
        "thresholds": {},
        "faces": [],
        "detector": {
            "name": detector.name,
            "version": detector.record.version,
            "sha256": detector.sha256,
        },
        "software": {},
        "settings": {},
        "custody": known_custody(subject, "fake", WHEN),
        "files": {},
    }


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_an_untouched_verdict_is_right_in_every_part(case: Case) -> None:
    states = {check.what: check.state for check in case.checks()}
    assert states == {
        "log": CheckState.OK,
        "record": CheckState.OK,
        "files": CheckState.OK,
        "detector": CheckState.OK,
        "input": CheckState.OK,
        "again": CheckState.SKIPPED,
    }
    assert overall(case.checks()) is CheckState.OK


@pytest.mark.slow
def test_one_flipped_bit_anywhere_in_the_record_is_found(case: Case) -> None:
    raw = case.record.read_bytes()
    for place in range(0, len(raw), 3):
        case.record.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        wrong = [what for what, _ in case.wrong()]
        assert "record" in wrong, raw[max(0, place - 20) : place + 20]
    case.record.write_bytes(raw)
    assert case.wrong() == []


@pytest.mark.parametrize("more", [b"\n", b" "])
def test_one_more_space_in_the_record_is_found(case: Case, more: bytes) -> None:
    case.record.write_bytes(case.record.read_bytes() + more)
    ((what, text),) = case.wrong()
    assert what == "record"
    assert f"not the one that was published for job {case.job}" in text


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff\xfe", b"{}", b'{"format": 2}'])
def test_whatever_stands_in_place_of_the_record_is_no_record(case: Case, raw: bytes) -> None:
    case.record.write_bytes(raw)
    assert "record" in [what for what, _ in case.wrong()]
    case.record.unlink()
    assert "can't be read" in case.wrong()[0][1]


def test_another_probability_with_a_list_of_files_made_anew_is_found(case: Case) -> None:
    record = json.loads(case.record.read_text()) | {"probability": 0.1, "decision": "real"}
    (case.folder / "heatmap.png").write_text("another")
    record["files"]["heatmap.png"] = hash_file(case.folder / "heatmap.png")
    write_record(record, case.folder)
    assert [what for what, _ in case.wrong()] == ["record"]


def test_another_job_another_name_and_no_job_do_not_hide_a_changed_record(case: Case) -> None:
    elsewhere = case.folder.rename(case.home.outbox / "renamed")
    record = json.loads((elsewhere / "verdict.json").read_text())
    for job in ("nosuchjb", None):
        write_record(record | {"job": job}, elsewhere)
        assert case.state("record", folder=elsewhere) is CheckState.FAULT, "it names an entry"


def test_hostile_names_are_no_way_around(case: Case) -> None:
    elsewhere = case.folder.rename(case.home.outbox / os.fsdecode(b"\xff\n"))
    assert overall(case.checks(folder=elsewhere)) is CheckState.OK
    raw = (elsewhere / "verdict.json").read_text()
    (elsewhere / "verdict.json").write_text(raw.replace(case.job, "\\ud800"))
    assert case.state("record", folder=elsewhere) is CheckState.FAULT
    (elsewhere / os.fsdecode(b"\xfe")).touch()
    (elsewhere / "verdict.json").write_text(raw)
    assert case.wrong(folder=elsewhere) == [
        ("files", "\\xfe was added: the record does not list it")
    ]


def test_each_changed_file_is_named(case: Case) -> None:
    (case.folder / "heatmap.png").write_text("swapped")
    (case.folder / "heatmaps" / "01.png").unlink()
    (case.folder / "note.txt").write_text("added")
    assert case.wrong() == [
        ("files", "heatmaps/01.png is missing"),
        ("files", "heatmap.png was altered: its SHA-256 is another"),
        ("files", "note.txt was added: the record does not list it"),
    ]


def test_a_link_in_place_of_a_file_is_found_whatever_it_points_to(
    case: Case, tmp_path: Path
) -> None:
    original = case.folder / "heatmap.png"
    original.rename(tmp_path / "heatmap.png")
    original.symlink_to(tmp_path / "heatmap.png")
    assert case.wrong() == [("files", "heatmap.png is no plain file any more")]


def test_a_moved_original_is_the_video_and_so_is_a_copy_of_it(tmp_path: Path) -> None:
    case = Case(tmp_path, move=True)
    assert not case.video.exists()
    shutil.copy(case.folder / "clip.mp4", case.folder / "late.mp4")
    assert overall(case.checks()) is CheckState.OK
    (case.folder / "clip.mp4").write_bytes(b"another")
    assert case.wrong() == [("files", "clip.mp4 was altered: its SHA-256 is another")]


def test_another_video_under_the_same_name_is_found(case: Case, tmp_path: Path) -> None:
    case.video.write_bytes(b"another video")
    ((what, text),) = case.wrong()
    assert what == "input"
    assert "clip.mp4 is another video" in text
    right, wrong = tmp_path / "right.mp4", tmp_path / "wrong.mp4"
    right.write_bytes(b"a video")
    wrong.write_bytes(b"b video")
    assert case.state("input", video=right) is CheckState.OK
    assert case.state("input", video=wrong) is CheckState.FAULT


def test_a_video_that_is_gone_is_asked_for(case: Case) -> None:
    case.video.unlink()
    assert overall(case.checks()) is CheckState.NOT_CHECKED
    assert "--video" in next(check.text for check in case.checks() if check.what == "input")


def test_an_altered_detector_is_found(case: Case) -> None:
    weights = case.detector / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    ((what, text),) = case.wrong()
    assert what == "detector"
    assert "checksum differs" in text


def rewrite(case: Case, **changes: str) -> None:
    path = case.detector / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_detector_whose_record_was_altered_is_found(case: Case) -> None:
    rewrite(case, description="another")
    assert case.state("detector") is CheckState.FAULT


def test_a_detector_that_is_not_here_is_named(case: Case) -> None:
    mine = Registry(case.home.detectors).get("mine")
    needed = f"detector mine {mine.record.version}, SHA-256 {mine.sha256}"
    rewrite(case, version="99")
    for _ in ("another version", "none of the name"):
        (check,) = (check for check in case.checks() if check.what == "detector")
        assert check.state is CheckState.NOT_CHECKED
        assert needed in check.text
        if case.detector.is_dir():
            shutil.rmtree(case.detector)


def edit(case: Case, statement: str) -> None:
    with sqlite3.connect(case.home.database) as connection:
        connection.execute(statement)


def test_a_hash_altered_in_the_log_itself_is_found(case: Case) -> None:
    case.record.write_bytes(case.record.read_bytes() + b" ")
    edit(case, f"UPDATE audit SET sha256 = '{hash_file(case.record)}' WHERE kind = 'published'")
    assert case.state("record") is CheckState.OK, "as the forger wanted it"
    assert case.state("log") is CheckState.FAULT


def test_a_verdict_finds_out_that_a_log_was_begun_anew(case: Case) -> None:
    edit(case, "DELETE FROM audit WHERE seq > 2")
    edit(case, "DELETE FROM jobs")
    text = dict(case.wrong())["log"]
    assert "this verdict names entry 4" in text


def test_a_publication_that_the_log_lost_is_found(case: Case) -> None:
    edit(case, "DELETE FROM audit WHERE kind = 'published'")
    assert case.state("log") is CheckState.FAULT, "the queue calls the job done"
    edit(case, "DELETE FROM jobs")
    assert case.state("log") is CheckState.OK
    assert case.state("record") is CheckState.FAULT, "the verdict names an entry of this very log"


def test_where_nothing_vouches_for_the_record_that_is_said(case: Case, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    (log, *_) = verify(VerifyRequest(other, case.folder, rerun=False))
    assert log.state is CheckState.NOT_CHECKED
    assert "nothing vouches for the record itself" in log.text
    other.make()
    Database.create(other.database).close()
    checks = list(verify(VerifyRequest(other, case.folder, case.video, rerun=False)))
    assert overall(checks) is CheckState.NOT_CHECKED, "nothing is wrong with another home's log"
    assert f"does not know job {case.job}" in checks[1].text


def test_a_home_that_judged_the_same_video_says_nothing_against_another_s_verdict(
    case: Case, tmp_path: Path
) -> None:
    other = Case(tmp_path / "other")
    checks = list(verify(VerifyRequest(other.home, case.folder, case.video, rerun=False)))
    assert [c.text for c in checks if c.state is CheckState.FAULT and c.what != "detector"] == []
    assert f"does not know job {case.job}" in checks[1].text


def test_settings_from_elsewhere_are_not_handed_to_a_plugin(case: Case) -> None:
    record = json.loads(case.record.read_text())
    record["settings"] = {"plugins": {"brightness": {"run": "anything"}}}
    write_record(record, case.folder)
    checks = list(verify(VerifyRequest(case.home, case.folder)))
    assert checks[-1].state is CheckState.NOT_CHECKED
    assert "not handed to a plugin" in checks[-1].text


def test_an_old_record_says_that_it_is_old(case: Case) -> None:
    shutil.rmtree(case.home.path / "outbox")
    case.folder.mkdir(parents=True)
    case.record.write_text('{\n  "format": 1,\n  "job": null\n}\n')
    edit(case, "UPDATE jobs SET folder = 'x'")
    checks = case.checks()
    assert "format 1" in checks[-1].text
    assert checks[-1].state is CheckState.NOT_CHECKED
