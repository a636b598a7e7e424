"""A detector that was altered judges nothing, and no other takes its place unasked."""

import hashlib
import json
import shutil
import signal
from pathlib import Path

import pytest

from ddaemon.storage.registry import BUNDLED, DEFAULT_DETECTOR, Registry
from ddaemon.tests.acceptance.conftest import Ddaemon
from ddaemon.tests.acceptance.test_service import SHIPPED


@pytest.fixture
def mine(ddaemon: Ddaemon) -> Path:
    """The folder of a detector of this home's own, which was chosen."""
    folder = ddaemon.home / "detectors" / "mine"
    shutil.copytree(BUNDLED / DEFAULT_DETECTOR, folder)
    record = folder / "record.json"
    record.write_text(record.read_text().replace(f'"name": "{DEFAULT_DETECTOR}"', '"name": "mine"'))
    ddaemon.call_here("detectors", "use", "mine")
    return folder


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def looser(record: Path) -> None:
    """What somebody would do who wants fakes to pass."""
    content = json.loads(record.read_text())
    content["thresholds"]["fake"] = 0.999
    record.write_text(json.dumps(content))


def one_line(text: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith("ddaemon: "))
    assert "Traceback" not in text
    return line


@pytest.mark.parametrize("file", ["weights.npz", "network.json", "card.md", "record.json"])
def test_one_changed_bit_is_refused_at_start_and_by_check(
    ddaemon: Ddaemon, mine: Path, file: str
) -> None:
    looser(mine / file) if file == "record.json" else flip(mine / file)
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    for words in (("run", "--drain"), ("check", str(SHIPPED[0]))):
        said = one_line(ddaemon.call(*words, code=1))
        assert f"detector mine: {file} is not" in said
        assert "checksum differs" in said
    assert list(ddaemon.outbox.iterdir()) == []


def test_one_altered_while_the_service_runs_blocks_and_judges_nothing(
    ddaemon: Ddaemon, mine: Path
) -> None:
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    before = (mine / "record.json").read_bytes()
    looser(mine / "record.json")
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    (trouble,) = ddaemon.until(lambda: ddaemon.status()["service"]["trouble"], "the refusal")
    assert "record.json is not the one that was chosen" in trouble
    assert ddaemon.verdicts() == []
    (mine / "record.json").write_bytes(before)
    (verdict,) = ddaemon.ended(1)
    assert verdict["detector"]["name"] == "mine"
    assert verdict["detector"]["sha256"] == hashlib.sha256(before).hexdigest()
    assert verdict["attempts"] == 1, "the refusal was no attempt"
    assert ddaemon.stop(signal.SIGTERM) == 0


def test_one_that_is_gone_is_not_replaced(ddaemon: Ddaemon, mine: Path) -> None:
    shutil.rmtree(mine)
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    said = one_line(ddaemon.call("run", "--drain", code=1))
    assert "no detector is called 'mine'" in said
    assert list(ddaemon.outbox.iterdir()) == []


def test_a_broken_one_does_not_hide_the_others(ddaemon: Ddaemon, mine: Path) -> None:
    (mine / "record.json").write_text('{"name": "\\u001b]0;x\\u0007"}')
    listed = ddaemon.call_here("detectors", "list")
    assert "* mine  can't be used: " in listed
    version = Registry.of_bundled().get(DEFAULT_DETECTOR).record.version
    assert f"  {DEFAULT_DETECTOR} {version}  " in listed
    assert "\x1b" not in listed
