"""What a worker says and leaves is looked at before anything is published."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ddaemon.daemon.dispatch.outcomes import BadReply, require_outcome, require_record
from ddaemon.daemon.dispatch.worker import read_progress
from ddaemon.storage.content import FileStamp
from ddaemon.storage.queue import Claim, Outcome

SHA = "a" * 64
FAKE = Outcome("fake", None, 0.9)
RECORD: dict[str, Any] = {
    "format": 2,
    "job": "j",
    "input": {"name": "v.mp4", "sha256": SHA},
    "decision": "fake",
    "reason": None,
    "probability": 0.9,
    "detector": {"name": "d", "version": "1", "sha256": SHA},
    "custody": [],
}


@pytest.fixture
def claim() -> Claim:
    stamp = FileStamp(1, 1, 1)
    values = {
        "job": "j", "token": "t", "name": "v.mp4", "source": Path("v.mp4"), "stamp": stamp,
        "sha256": SHA, "bytes": 1, "received_at": 0.0, "attempt": 1, "detector": None,
    }  # fmt: skip
    return Claim(**{name: values[name] for name in Claim.__dataclass_fields__})


@pytest.mark.parametrize(
    "said",
    [
        Outcome("fake", None, 0.9),
        Outcome("inconclusive", None, None),
        Outcome("not_analysable", "no_face", None),
    ],
)
def test_a_result_of_the_chain_is_taken(said: Outcome) -> None:
    assert require_outcome(said) is said


@pytest.mark.parametrize(
    "said",
    [
        None,
        ("fake", None, 0.9),
        Outcome("genuine", None, 0.9),
        Outcome("fake", None, 1.5),
        Outcome("fake", None, float("nan")),
        Outcome("fake", "no_face", 0.9),
        Outcome("not_analysable", "<b>", None),
        Outcome("not_analysable", "no_face", 0.5),
        Outcome(["fake"], None, 0.9),  # type: ignore[arg-type]
    ],
)
def test_anything_else_is_not(said: object) -> None:
    with pytest.raises(BadReply):
        require_outcome(said)


def test_a_record_of_this_job_is_taken(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "verdict.json").write_text(json.dumps(RECORD))
    require_record(tmp_path, claim, FAKE)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        "[" * 100_000,
        json.dumps(RECORD | {"job": "another"}),
        json.dumps(RECORD | {"input": {"name": "v.mp4", "sha256": "b" * 64}}),
        json.dumps(RECORD | {"decision": "real"}),
        json.dumps(RECORD | {"detector": None}),
        json.dumps(RECORD | {"custody": [{}]}),
    ],
    ids=["list", "torn", "deep", "other job", "other video", "contradiction", "nobody", "custody"],
)
def test_another_record_is_not(tmp_path: Path, claim: Claim, text: str) -> None:
    (tmp_path / "verdict.json").write_text(text)
    with pytest.raises(BadReply):
        require_record(tmp_path, claim, FAKE)


def test_a_link_or_a_pipe_beside_the_record_is_refused(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "verdict.json").write_text(json.dumps(RECORD))
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadReply, match="link"):
        require_record(tmp_path, claim, FAKE)
    (tmp_path / "link").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadReply, match="pipe"):
        require_record(tmp_path, claim, FAKE)


def test_progress_that_is_nonsense_is_no_progress(tmp_path: Path) -> None:
    path = tmp_path / "x.progress"
    for text in ("", "[]", '{"pid": "1"}', '{"percent": 1e9}', '{"stage": 5}', "[" * 4000):
        path.write_text(text)
        assert read_progress(path) is None
    path.write_text('{"pid": 1, "stage": "faces", "percent": 5}')
    assert read_progress(path).stage == "faces"
    path.unlink()
    os.mkfifo(path)
    assert read_progress(path) is None, "and nobody waits for what comes out of a pipe"
    path.unlink()
    path.symlink_to("/dev/zero")
    assert read_progress(path) is None
