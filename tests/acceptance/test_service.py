"""The main job, end to end: the real process, a real folder, real clips."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ddaemon.tests.clips import blank_clip, face_clip, unlike
from ddaemon.tests.service import SETTINGS, Ddaemon
from ddaemon.tests.shared import SHARED, needs_shared
from ddaemon.tests.third_party import start_a_job

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "stages" / "data" / name for name in ("demo-real.mp4", "demo-forged.mp4")]
VERDICT = Draft202012Validator(json.loads((ROOT / "docs/verdict.schema.json").read_text()))
STATUS = Draft202012Validator(json.loads((ROOT / "docs/status.schema.json").read_text()))


def by_name(verdicts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {verdict["input"]["name"]: verdict for verdict in verdicts}


def slow_copy(source: Path, target: Path, pieces: int = 8, pause: float = 0.25) -> None:
    content = source.read_bytes()
    step = len(content) // pieces + 1
    with target.open("wb") as stream:
        for start in range(0, len(content), step):
            stream.write(content[start : start + step])
            stream.flush()
            time.sleep(pause)


def test_every_way_of_arriving_ends_in_exactly_one_verdict(
    ddaemon: Ddaemon, tmp_path: Path
) -> None:
    real, forged = SHIPPED
    shutil.copy(real, ddaemon.inbox / "there at start.mp4")
    ddaemon.start()
    unlike(forged, ddaemon.inbox / "copied.mp4", 1)
    slow_copy(unlike(real, tmp_path / "slow.mp4", 2), ddaemon.inbox / "slow.mp4")
    unlike(forged, tmp_path / "renamed.mp4", 3).rename(ddaemon.inbox / "renamed.mp4")
    (tmp_path / "monday").mkdir()
    unlike(real, tmp_path / "monday" / "in a folder.mp4", 4)
    (tmp_path / "monday").rename(ddaemon.inbox / "monday")
    shutil.copy(real, ddaemon.inbox / "the same again.mp4")
    verdicts = by_name(ddaemon.ended(5))
    ddaemon.until(lambda: "the content of" in ddaemon.log.read_text(), "the duplicate's notice")
    assert ddaemon.stop() == 0
    names = {"there at start.mp4", "copied.mp4", "slow.mp4", "renamed.mp4", "in a folder.mp4"}
    assert set(verdicts) == names
    assert sum(ddaemon.status()["counts"].values()) == 5
    for verdict in verdicts.values():
        VERDICT.validate(verdict)
        assert verdict["attempts"] == 1
        folder = ddaemon.outbox / f"{Path(verdict['input']['name']).stem}-{verdict['job']}"
        assert (folder / "heatmap.png").read_bytes().startswith(b"\x89PNG")
        assert (folder / "report.html").read_bytes().startswith(b"<!doctype html>")
        for heatmap in verdict["heatmaps"]:
            assert (folder / heatmap["file"]).is_file()
            assert (folder / heatmap["frame_file"]).is_file()
    assert len(list(ddaemon.inbox.rglob("*.mp4"))) == 6, "originals are left where they were"
    assert list(ddaemon.home.joinpath("work").iterdir()) == []


def test_each_awkward_file_gets_the_outcome_it_deserves(ddaemon: Ddaemon) -> None:
    real, forged = SHIPPED
    inbox = ddaemon.inbox
    (inbox / "notes.txt").write_text("not a video\n" * 50)
    (inbox / "truncated.mp4").write_bytes(real.read_bytes()[: real.stat().st_size // 2])
    (inbox / "empty.mp4").touch()
    blank_clip(inbox / "nobody.mp4")
    face_clip(inbox / "two people.mp4", faces=2)
    face_clip(inbox / "phone.mp4", turns=3, rotation=90)
    (inbox / "link.mp4").symlink_to(real)
    hostile = inbox / 'it\'s "quoted"\nund mit Zeilenende – ümläut.mp4'
    unlike(forged, hostile, 7)
    unlike(real, inbox / os.fsdecode(b"latin-\xe9.mp4"), 8)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    verdicts = by_name(ddaemon.verdicts())
    for verdict in verdicts.values():
        VERDICT.validate(verdict)
    reasons = {name: verdict["reason"] for name, verdict in verdicts.items()}
    assert reasons.pop("notes.txt") == "unsupported"
    assert reasons.pop("truncated.mp4") == "undecodable"
    assert reasons.pop("empty.mp4") == "undecodable"
    assert reasons.pop("nobody.mp4") == "no_face"
    assert set(reasons) == {"two people.mp4", "phone.mp4", hostile.name, "latin-\\xe9.mp4"}
    assert set(reasons.values()) == {None}
    assert len(verdicts["two people.mp4"]["faces"]) == 2
    container = verdicts["phone.mp4"]["input"]["container"]
    assert container["rotation"] == 90
    assert all(verdicts[name]["probability"] is None for name in ("empty.mp4", "nobody.mp4"))
    assert "\x1b" not in ddaemon.call("status")


def test_a_third_party_stage_adds_a_fact_to_the_verdict(
    ddaemon: Ddaemon, third_party: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = '["frames", "brightness", "faces", "features", "classify", "gradcam", "report"]'
    ddaemon.configure(f"stages = {chain}\n{SETTINGS}")
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    ddaemon.start("--drain", **third_party)
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    (verdict,) = ddaemon.verdicts()
    VERDICT.validate(verdict)
    assert 0 < verdict["facts"]["brightness"] < 255
    monkeypatch.setenv("PYTHONPATH", third_party["PYTHONPATH"])
    listed = ddaemon.call("stages")
    assert "2. brightness (ddaemon-third-party 0.1)" in listed
    assert "broken (ddaemon-third-party 0.1)\n     can't be used: AttributeError" in listed


def test_a_worker_that_is_killed_costs_one_attempt(
    ddaemon: Ddaemon, third_party: dict[str, str]
) -> None:
    start_a_job(ddaemon, third_party, "nap")
    (progress,) = (ddaemon.home / "work").glob("*.progress")
    os.kill(json.loads(progress.read_text())["pid"], signal.SIGKILL)
    (verdict,) = ddaemon.ended(1)
    assert verdict["attempts"] == 2
    history = ddaemon.status(verdict["job"])["history"]
    kinds = [event["kind"] for event in history]
    assert kinds == ["accepted", "claimed", "failed", "claimed", "judged", "published"]
    assert "died" in history[2]["detail"]


def test_a_service_that_is_killed_in_mid_job_ends_it_after_a_restart(
    ddaemon: Ddaemon, third_party: dict[str, str]
) -> None:
    start_a_job(ddaemon, third_party, "nap")
    ddaemon.stop(signal.SIGKILL)
    assert ddaemon.status()["service"]["alive"] is False
    assert ddaemon.verdicts() == []
    ddaemon.start(**third_party)
    (verdict,) = ddaemon.ended(1)
    assert verdict["attempts"] == 2
    time.sleep(1)
    assert len(ddaemon.verdicts()) == 1


def test_sigterm_lets_the_running_job_end_and_gives_the_rest_back(
    ddaemon: Ddaemon, third_party: dict[str, str]
) -> None:
    start_a_job(ddaemon, third_party, "nap")
    assert ddaemon.stop(signal.SIGTERM) == 0
    assert len(ddaemon.verdicts()) == 1


def test_sigterm_releases_a_job_that_outlasts_the_grace_time(
    ddaemon: Ddaemon, third_party: dict[str, str]
) -> None:
    start_a_job(ddaemon, third_party, "sleep", SETTINGS + "[workers]\ngrace = 0.5\n")
    assert ddaemon.stop(signal.SIGTERM) == 0
    assert ddaemon.status()["counts"]["pending"] == 1
    assert ddaemon.status()["last"] == []


def test_sighup_reads_the_settings_again_and_keeps_the_old_ones_over_a_fault(
    ddaemon: Ddaemon,
) -> None:
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    assert ddaemon.service is not None
    ddaemon.configure("[inbox]\nsetle = 1\n")
    ddaemon.service.send_signal(signal.SIGHUP)
    ddaemon.until(lambda: "the old settings stay" in ddaemon.log.read_text(), "the refusal")
    ddaemon.configure(SETTINGS.replace("count = 8", "count = 5"))
    ddaemon.service.send_signal(signal.SIGHUP)
    ddaemon.until(lambda: "settings read again" in ddaemon.log.read_text(), "the new settings")
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    (verdict,) = ddaemon.ended(1)
    assert len(verdict["faces"][0]["frames"]) == 5


def test_a_service_that_signals_interrupt_over_and_over_still_stops(ddaemon: Ddaemon) -> None:
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    assert ddaemon.service is not None
    chance = random.Random(7)
    for _ in range(3000):
        ddaemon.service.send_signal(signal.SIGHUP)
        time.sleep(chance.random() * 0.002)
    assert ddaemon.stop(signal.SIGTERM) == 0
    assert "settings read again" in ddaemon.log.read_text()


def test_originals_move_beside_their_verdicts_when_asked(ddaemon: Ddaemon) -> None:
    ddaemon.configure(SETTINGS + '[outbox]\noriginal = "move"\n')
    content = SHIPPED[0].read_bytes()
    (ddaemon.inbox / "a.mp4").write_bytes(content)
    (ddaemon.inbox / "b.mp4").write_bytes(content)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    (verdict,) = ddaemon.verdicts()
    assert list(ddaemon.inbox.iterdir()) == []
    (folder,) = ddaemon.outbox.iterdir()
    moved = {path.name: path.read_bytes() for path in folder.glob("*.mp4")}
    assert moved == {"a.mp4": content, "b.mp4": content}
    assert verdict["decision"] != "not_analysable"
    ddaemon.start()
    (ddaemon.inbox / "late.mp4").write_bytes(content)
    ddaemon.until((folder / "late.mp4").exists, "the move of a late duplicate")
    assert list(ddaemon.inbox.iterdir()) == []


def test_a_second_service_on_the_same_home_is_refused(ddaemon: Ddaemon) -> None:
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    assert "another service runs" in ddaemon.call("run", code=1)


def test_status_matches_its_schema_and_tells_of_a_living_service(ddaemon: Ddaemon) -> None:
    record = ddaemon.status()
    STATUS.validate(record)
    assert record["service"]["alive"] is False
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    printed = ddaemon.call("submit", str(SHIPPED[1]), "--priority", "3")
    job = printed.split()[0]
    ddaemon.ended(1)
    record = ddaemon.status()
    STATUS.validate(record)
    assert record["service"]["alive"] is True
    assert record["last"][0]["job"] == job
    STATUS.validate(ddaemon.status(job))
    assert ddaemon.status(job)["priority"] == 3


def test_a_chain_that_does_not_fit_is_refused_at_start(ddaemon: Ddaemon) -> None:
    ddaemon.configure('stages = ["frames", "classify", "report"]\n')
    said = ddaemon.call("run", code=1)
    assert "stage classify needs faces, features" in said
    assert "Traceback" not in said


def test_an_inbox_that_goes_away_and_comes_back_is_watched_again(ddaemon: Ddaemon) -> None:
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["since"], "a service that is ready")
    ddaemon.inbox.rename(ddaemon.home / "elsewhere")
    ddaemon.until(lambda: ddaemon.status()["service"]["trouble"], "the trouble")
    assert "is not there" in ddaemon.status()["service"]["trouble"][0]
    ddaemon.inbox.mkdir()
    ddaemon.until(lambda: not ddaemon.status()["service"]["trouble"], "the end of the trouble")
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    assert len(ddaemon.ended(1)) == 1
    assert ddaemon.stop() == 0


@needs_shared
def test_real_clips_of_every_container_are_judged(ddaemon: Ddaemon) -> None:
    clips = SHARED / "data" / "clips"
    names = ("real/grid_bbaf2n.mpg", "real/ghost_orig.webm", "fake/dfdc_brtujopkby_fake.mp4")
    for name in names:
        shutil.copy(clips / name, ddaemon.inbox)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    verdicts = by_name(ddaemon.verdicts())
    assert set(verdicts) == {Path(name).name for name in names}
    for verdict in verdicts.values():
        VERDICT.validate(verdict)
        assert verdict["probability"] is not None
    scores = {name: verdict["probability"] for name, verdict in verdicts.items()}
    assert scores["dfdc_brtujopkby_fake.mp4"] > scores["ghost_orig.webm"]
