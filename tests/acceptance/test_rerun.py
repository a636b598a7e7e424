"""A new detector judges what an old one judged: the real service, real clips."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from ddaemon.stages.shipped import data_file
from ddaemon.storage.registry import DEFAULT_DETECTOR, Registry
from ddaemon.tests.acceptance.test_review import files_in
from ddaemon.tests.service import SETTINGS, Ddaemon


def severe_detector(home: Path) -> None:
    """The bundled one under another name, which calls everything fake."""
    folder = home / "detectors" / "severe"
    shutil.copytree(Registry.of_bundled().get(DEFAULT_DETECTOR).path, folder)
    record = json.loads((folder / "record.json").read_bytes())
    record |= {"name": "severe", "envelope": None, "golden": None}
    record["thresholds"] |= {"fake": 0.0002, "real": 0.0001}
    (folder / "record.json").write_text(json.dumps(record))


def ask_for_a_rerun(ddaemon: Ddaemon) -> dict[str, Any]:
    """Judge a clip, and put it back for the severe detector; the first verdict."""
    ddaemon.configure(SETTINGS)
    severe_detector(ddaemon.home)
    shutil.copy(data_file("demo-real.mp4"), ddaemon.inbox / "clip.mp4")
    ddaemon.call("run", "--drain")
    [old] = ddaemon.verdicts()
    ddaemon.call_here("jobs", "rerun", old["job"], "--detector", "severe")
    return old


@pytest.mark.parametrize("original", ["leave", "move"])
def test_a_rerun_keeps_the_old_verdict_and_shows_what_changed(
    ddaemon: Ddaemon, original: str
) -> None:
    ddaemon.configure(f'{SETTINGS}[outbox]\noriginal = "{original}"\n')
    severe_detector(ddaemon.home)
    shutil.copy(data_file("demo-real.mp4"), ddaemon.inbox / "clip.mp4")
    ddaemon.call("run", "--drain")
    [old] = ddaemon.verdicts()
    [folder] = ddaemon.outbox.iterdir()
    before = files_in(folder)
    assert old["decision"] != "fake"
    ddaemon.call_here("jobs", "rerun", "--since", "1h", "--detector", "severe")
    ddaemon.call("run", "--drain")
    assert files_in(folder) == before, "the old verdict stays byte for byte"
    new = json.loads((ddaemon.outbox / f"{folder.name}-2" / "verdict.json").read_bytes())
    assert (new["decision"], new["detector"]["name"]) == ("fake", "severe")
    [line] = ddaemon.call_here("jobs", "changes").splitlines()
    assert f"{old['decision']} " in line
    assert line.index("lite0-sequence") < line.index("-> fake") < line.index("severe")
    rows = [json.loads(row) for row in ddaemon.call_here("export", "--jsonl").splitlines()]
    assert [row["status"] for row in rows] == ["superseded", "current"]
    for name in (folder.name, f"{folder.name}-2"):
        said = ddaemon.call_here("verify", str(ddaemon.outbox / name))
        assert "FAULT" not in said
    swapped = (ddaemon.outbox / f"{folder.name}-2" / "verdict.json").read_bytes()
    (folder / "verdict.json").write_bytes(swapped)
    assert "not the one that was published" in ddaemon.call_here(
        "verify", str(folder), "--no-rerun", code=1
    )


def test_a_detector_that_is_gone_costs_the_rerun_and_nothing_else(ddaemon: Ddaemon) -> None:
    old = ask_for_a_rerun(ddaemon)
    shutil.rmtree(ddaemon.home / "detectors" / "severe")
    shutil.copy(data_file("demo-forged.mp4"), ddaemon.inbox / "other.mp4")
    ddaemon.call("run", "--drain")
    assert len(ddaemon.verdicts()) == 2
    status = ddaemon.status(old["job"])
    assert (status["state"], status["decision"]) == ("done", old["decision"])
    assert "severe" in status["error"]
    said = ddaemon.call_here("jobs", "rerun", old["job"], "--detector", "severe", code=1)
    assert "no detector is called 'severe'" in said


def test_a_service_that_is_killed_in_mid_rerun_publishes_one_new_verdict(ddaemon: Ddaemon) -> None:
    old = ask_for_a_rerun(ddaemon)
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["running"], "a running rerun")
    ddaemon.stop(signal.SIGKILL)
    ddaemon.call("run", "--drain")
    folders = sorted(folder.name for folder in ddaemon.outbox.iterdir())
    assert folders == [f"clip-{old['job']}", f"clip-{old['job']}-2"]
    assert ddaemon.status(old["job"])["decision"] == "fake"
    assert "ok" in ddaemon.call_here("audit", "verify")
