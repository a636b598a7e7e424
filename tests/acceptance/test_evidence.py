"""A verdict that a real service published is found to hold, until somebody touches it."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ddaemon.tests.clips import blank_clip
from ddaemon.tests.service import SETTINGS, Ddaemon

ROOT = Path(__file__).parents[2]
REAL, FORGED = (ROOT / "stages" / "data" / name for name in ("demo-real.mp4", "demo-forged.mp4"))
VERDICT = Draft202012Validator(json.loads((ROOT / "docs/verdict.schema.json").read_text()))
RESULT = Draft202012Validator(json.loads((ROOT / "docs/verify.schema.json").read_text()))
MOVED = SETTINGS + '[outbox]\noriginal = "move"\n'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose service published three verdicts and stopped."""
    daemon = Ddaemon(tmp_path_factory.mktemp("published") / "home")
    daemon.call_here("init")
    daemon.configure(MOVED)
    shutil.copy(REAL, daemon.inbox)
    shutil.copy(FORGED, daemon.inbox)
    blank_clip(daemon.inbox / "nobody.mp4")
    daemon.start("--drain")
    assert daemon.wait() == 0, daemon.log.read_text()
    assert len(daemon.verdicts()) == 3
    yield daemon.home
    if daemon.service is not None:
        daemon.stop(signal.SIGKILL)


@pytest.fixture
def desk(published: Path, tmp_path: Path) -> Ddaemon:
    """A copy of it, to be tampered with."""
    return Ddaemon(Path(shutil.copytree(published, tmp_path / "home")))


def folder_of(desk: Ddaemon, name: str) -> Path:
    (folder,) = (path for path in desk.outbox.iterdir() if path.name.startswith(name))
    return folder


def verify(desk: Ddaemon, folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "ddaemon.cli", "--home", str(desk.home), "verify", "--json",
         str(folder), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    RESULT.validate(record)
    return done.returncode, record


def faults(record: dict[str, Any]) -> set[str]:
    return {check["check"] for check in record["checks"] if check["state"] == "fault"}


def test_published_verdicts_match_the_schema_and_list_every_file_beside_them(
    desk: Ddaemon,
) -> None:
    for verdict in desk.verdicts():
        VERDICT.validate(verdict)
        folder = folder_of(desk, Path(verdict["input"]["name"]).stem)
        beside = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert set(verdict["files"]) == beside - {"verdict.json"}
        assert verdict["files"][verdict["input"]["name"]] == verdict["input"]["sha256"]


@pytest.mark.parametrize("name", ["demo-real", "demo-forged", "nobody"])
def test_an_untouched_verdict_holds_and_comes_out_the_same_again(desk: Ddaemon, name: str) -> None:
    code, record = verify(desk, folder_of(desk, name))
    assert (code, record["result"]) == (0, "ok"), record
    again = {check["check"] for check in record["checks"]}
    assert again >= {"record", "files", "detector", "input", "decision", "probability", "faces"}


def test_it_comes_out_the_same_whatever_the_settings_have_become(
    desk: Ddaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.configure(MOVED.replace("count = 8", "count = 3").replace("= 256", "= 200"))
    monkeypatch.setenv("DDAEMON_FRAMES__COUNT", "5")
    code, record = verify(desk, folder_of(desk, "demo-forged"))
    assert code == 0, record


def test_a_changed_probability_is_found_also_where_no_log_vouches(
    desk: Ddaemon, tmp_path: Path
) -> None:
    folder = folder_of(desk, "demo-forged")
    verdict = json.loads((folder / "verdict.json").read_text())
    verdict["probability"] -= 0.02
    (folder / "verdict.json").write_text(json.dumps(verdict, indent=2) + "\n")
    code, record = verify(desk, folder)
    assert (code, faults(record)) == (1, {"record", "probability"})
    code, record = verify(Ddaemon(tmp_path / "other"), folder)
    assert (code, faults(record)) == (1, {"probability"})


def test_what_nobody_vouches_for_is_not_called_right(desk: Ddaemon, tmp_path: Path) -> None:
    code, record = verify(Ddaemon(tmp_path / "other"), folder_of(desk, "demo-real"))
    assert (code, record["result"]) == (3, "not_checked")
    (tmp_path / "out").mkdir()
    desk.call("check", str(REAL), "--out", str(tmp_path / "out"))
    (folder,) = (tmp_path / "out").iterdir()
    code, record = verify(desk, folder, "--video", str(REAL))
    assert (code, record["result"]) == (3, "not_checked"), record


def test_a_swapped_picture_is_named_on_the_terminal(desk: Ddaemon) -> None:
    folder = folder_of(desk, "demo-forged")
    shutil.copy(folder_of(desk, "demo-real") / "heatmap.png", folder / "heatmap.png")
    told = desk.call_here("verify", "--no-rerun", str(folder), code=1)
    assert "FAULT files       heatmap.png was altered" in told
    assert told.strip().endswith("it does not hold")


def test_the_log_holds_all_that_happened_and_is_exported_with_its_head(desk: Ddaemon) -> None:
    lines = [json.loads(line) for line in desk.call_here("audit", "export", "--jsonl").splitlines()]
    kinds = [line["kind"] for line in lines[:-1]]
    assert kinds[:2] == ["log begun", "service started"]
    assert [kinds.count(kind) for kind in ("accepted", "judged", "published")] == [3, 3, 3]
    assert kinds[-1] == "service stopped"
    head = lines[-1]["head"]
    assert f"head  {head}" in desk.call_here("audit", "verify", "--head", head)
    assert desk.call_here("audit", "export", "--since", "2999-01-01").strip() == f"head {head}"
    assert "is no time" in desk.call_here("audit", "export", "--since", "soon", code=2)


def test_a_log_that_lost_its_end_is_found_by_a_kept_head_and_by_the_verdicts(
    desk: Ddaemon,
) -> None:
    head = desk.call_here("audit", "export").split()[-1]
    with sqlite3.connect(desk.home / "state.db") as connection:
        connection.execute("DELETE FROM audit WHERE kind = 'service stopped'")
    assert "ok    entries" in desk.call_here("audit", "verify"), "the chain alone can't tell"
    assert "removed at the end" in desk.call_here("audit", "verify", "--head", head, code=1)
    with sqlite3.connect(desk.home / "state.db") as connection:
        connection.execute("DELETE FROM audit WHERE seq > 3")
        connection.execute("DELETE FROM jobs")
    assert "FAULT the log ends at entry 3" in desk.call_here("audit", "verify", code=1)


def test_choices_of_the_detector_and_forgotten_jobs_are_in_the_log(desk: Ddaemon) -> None:
    own = desk.home / "detectors" / "mine"
    shutil.copytree(ROOT / "storage" / "detectors" / "lite0-sequence", own)
    record = json.loads((own / "record.json").read_text()) | {"name": "mine"}
    (own / "record.json").write_text(json.dumps(record))
    desk.call_here("detectors", "use", "mine")
    desk.call_here("detectors", "rollback")
    desk.call_here("detectors", "use", "nope", code=1)
    desk.call_here("jobs", "purge", "--days", "0")
    lines = [json.loads(line) for line in desk.call_here("audit", "export", "--jsonl").splitlines()]
    assert [line["kind"] for line in lines[-6:-1]] == [
        "detector chosen", "detector choice taken back", "forgotten", "forgotten", "forgotten",
    ]  # fmt: skip
    assert json.loads(lines[-6]["detail"]) == {"before": "lite0-sequence", "detector": "mine"}
    assert desk.call_here("audit", "verify")
    code, result = verify(desk, folder_of(desk, "demo-real"), "--no-rerun")
    assert code == 0, result
