"""Files looked at in a real process, which may die of one."""

import os
import threading
import time
from pathlib import Path

import pytest

from ddaemon.daemon.dispatch.worker import VideoChanged
from ddaemon.daemon.home.config import WorkersSettings
from ddaemon.daemon.intake import examiner as examining
from ddaemon.daemon.intake.examiner import Examiner
from ddaemon.daemon.intake.identify import Examination, Examined
from ddaemon.isolation.sandbox.confinement import Confinement
from ddaemon.storage.content import FileStamp, hash_file
from ddaemon.tests.clips import blank_clip

PATIENCE_S = 60.0


def look(examiner: Examiner, paths: list[Path]) -> dict[str, Examined]:
    """What it says of each, by name."""
    examiner.submit([(path, FileStamp.of(path.lstat())) for path in paths])
    said: dict[str, Examined] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(said) < len(paths):
        assert time.monotonic() < deadline
        said |= {path.name: answer for path, _, answer in examiner.collect()}
        time.sleep(0.01)
    return said


@pytest.fixture
def examiner():
    examiner = Examiner(threading.Event().set)
    examiner.configure(Confinement(mode="off"), WorkersSettings())
    yield examiner
    examiner.stop()


def test_each_of_a_batch_has_an_answer_of_its_own(examiner: Examiner, tmp_path: Path) -> None:
    clip, text, pipe = (tmp_path / name for name in ("a.mp4", "b.txt", "c.mp4"))
    blank_clip(clip)
    text.write_text("no video")
    os.mkfifo(pipe)
    said = look(examiner, [clip, text, pipe])
    assert isinstance(said["a.mp4"], Examination)
    assert said["a.mp4"].readiness == "ready"
    assert said["a.mp4"].sha256 == hash_file(clip)
    assert isinstance(said["b.txt"], Examination)
    assert said["b.txt"].readiness == "foreign"
    assert isinstance(said["c.mp4"], VideoChanged), "a pipe is never opened"


def test_one_that_ends_the_process_is_hashed_unopened_and_the_others_are_not_harmed(
    examiner: Examiner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "examine_all", deadly)
    paths = [blank_clip(tmp_path / name) for name in ("a.mp4", "deadly.mp4", "c.mp4")]
    said = look(examiner, paths)
    assert all(isinstance(answer, Examination) for answer in said.values())
    assert {name: answer.readiness for name, answer in said.items()} == {
        "a.mp4": "ready",
        "deadly.mp4": "unread",
        "c.mp4": "ready",
    }
    assert examiner.is_free


def deadly(paths: list[Path]) -> list[Examined]:
    """Stands in for a container that crashes its reader."""
    from ddaemon.daemon.intake.identify import examine_all

    if any(path.name == "deadly.mp4" for path in paths):
        os.abort()
    return examine_all(paths)
