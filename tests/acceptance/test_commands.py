"""The commands as a user types them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ddaemon.tests.clips import blank_clip
from ddaemon.tests.credentials import Authority, sign
from ddaemon.tests.recordings import recording
from ddaemon.tests.service import Ddaemon

ROOT = Path(__file__).parents[2]
REAL, FORGED = (ROOT / "stages" / "data" / name for name in ("demo-real.mp4", "demo-forged.mp4"))
VERDICT = Draft202012Validator(json.loads((ROOT / "docs/verdict.schema.json").read_text()))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ddaemon.cli", *words],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_init_makes_a_home_and_leaves_an_old_one_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run("--home", str(home), "init").returncode == 0
    names = {path.name for path in home.iterdir()}
    assert names >= {
        "ddaemon.toml",
        "inbox",
        "outbox",
        "work",
        "quarantine",
        "detectors",
        "state.db",
    }
    (home / "ddaemon.toml").write_text("[inbox]\nsettle = 9\n")
    assert run("--home", str(home), "init").returncode == 0
    assert "settle = 9" in (home / "ddaemon.toml").read_text()


def test_check_judges_without_a_home_and_leaves_what_is_asked_for(tmp_path: Path) -> None:
    nobody = blank_clip(tmp_path / "nobody.mp4")
    done = run(
        "--home", str(tmp_path / "none"), "check", "--json", "--out", str(tmp_path / "out"),
        str(FORGED), str(nobody),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    forged, refused = (json.loads(line) for line in done.stdout.splitlines())
    VERDICT.validate(forged)
    VERDICT.validate(refused)
    assert forged["job"] is None
    assert (refused["decision"], refused["reason"]) == ("not_analysable", "no_face")
    folders = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert folders == [f"demo-forged-{forged['input']['sha256'][:8]}",
                       f"nobody-{refused['input']['sha256'][:8]}"]  # fmt: skip
    assert (tmp_path / "out" / folders[0] / "heatmap.png").is_file()
    assert (tmp_path / "out" / folders[0] / "timeline.png").is_file()
    for folder, record in zip(folders, (forged, refused), strict=True):
        page = (tmp_path / "out" / folder / "report.html").read_text(encoding="utf-8")
        assert record["words"]["scale"].capitalize() in page


def test_check_says_how_sure_and_how_often_that_is_wrong(tmp_path: Path) -> None:
    done = run("--home", str(tmp_path), "check", str(FORGED))
    assert done.returncode == 0, done.stderr
    for words in ("decision", "probability", "of real videos are called fake", "measured on"):
        assert words in done.stdout


def test_check_says_what_was_examined_and_who_vouches_for_it(tmp_path: Path) -> None:
    """A signed video without a face, another one with hostile tags, and one that is none."""
    authority, home = Authority(), tmp_path / "home"
    run("--home", str(home), "init")
    (tmp_path / "trust.pem").write_text(authority.anchor)
    (home / "ddaemon.toml").write_text(f'[examine]\ntrust = "{tmp_path / "trust.pem"}"\n')
    plain = recording(tmp_path / "plain.mp4", tags={"title": "a\n\x1b[2Jb"})
    signed = sign(plain, tmp_path / "signed.mp4", authority.signer("Desk"))
    (tmp_path / "none.mp4").write_text("not a video\n" * 99)
    videos = [str(path) for path in (signed, plain, tmp_path / "none.mp4")]
    done = run("--home", str(home), "check", "--json", *videos)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    for record in records:
        VERDICT.validate(record)
        assert record["format"] == 2
    assert [record["provenance"]["state"] for record in records] == [
        "valid", "absent", "not_supported",
    ]  # fmt: skip
    assert [record["reason"] for record in records] == ["no_face", "no_face", "unsupported"]
    assert records[1]["examination"]["tags"]["title"] == "a\\n\\x1b[2Jb"
    assert "encoder_tool" in {trace["kind"] for trace in records[1]["examination"]["traces"]}
    assert "not proof" in records[1]["examination"]["limits"]
    assert records[2]["examination"] is None
    told = run("--home", str(home), "check", *videos).stdout
    assert "provenance   valid: " in told
    assert re.search(r"traces +\d in the file", told)
    assert "traces       not looked for" in told
    assert "\x1b" not in told


def test_a_trust_file_that_is_none_is_a_fault_of_the_settings(ddaemon: Ddaemon) -> None:
    ddaemon.configure('[examine]\ntrust = "/nowhere.pem"\n')
    for words in (("check", str(REAL)), ("doctor",)):
        told = ddaemon.call(*words, code=1)
        assert "examine.trust: /nowhere.pem gives no certificates (No such file" in told
        assert "Traceback" not in told


def test_the_forged_clip_looks_more_forged_than_the_real_one(tmp_path: Path) -> None:
    done = run("--home", str(tmp_path), "check", "--json", str(REAL), str(FORGED))
    real, forged = (json.loads(line)["probability"] for line in done.stdout.splitlines())
    assert forged > real


def test_one_failure_makes_check_fail_and_the_others_are_still_judged(tmp_path: Path) -> None:
    (tmp_path / "ddaemon.toml").write_text("[workers]\njob_seconds = 0.3\n")
    done = run("--home", str(tmp_path), "check", "--json", str(REAL))
    assert done.returncode == 1
    assert "workers.job_seconds" in done.stderr
    assert "Traceback" not in done.stderr
    missing = run("--home", str(tmp_path), "check", str(tmp_path / "missing.mp4"))
    assert missing.returncode == 2


def test_a_fault_in_the_settings_is_told_without_a_traceback(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("--home", str(home), "init")
    (home / "ddaemon.toml").write_text("[inbox]\nsettle = -1\n[nope]\n")
    done = run("--home", str(home), "run")
    assert done.returncode == 1
    assert "inbox.settle" in done.stderr
    assert "nope: there is no such setting" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run("--home", str(home), "--debug", "run").stderr


def test_the_doctor_finds_a_new_home_well_and_says_what_ails_a_broken_one(
    ddaemon: Ddaemon,
) -> None:
    well = ddaemon.call("doctor")
    assert "all is well" in well
    assert "golden clip" in well
    assert "network runs in openvino, in each worker" in well
    shutil.rmtree(ddaemon.outbox)
    ddaemon.home.joinpath("state.db").write_bytes(b"garbage" * 1000)
    ill = ddaemon.call("doctor", code=1)
    assert "it is not there; make or mount it" in ill
    assert "not a usable database" in ill
    assert "2 fault(s)" in ill


@pytest.mark.parametrize(
    ("features", "code", "told"),
    [
        ('shared = "always"', 0, "network runs in openvino, in one process for all workers"),
        ('device = "gpu"', 1, 'features.device is "gpu", but TensorFlow finds none'),
    ],
)
def test_the_doctor_says_where_the_network_runs(
    ddaemon: Ddaemon, features: str, code: int, told: str
) -> None:
    ddaemon.configure(f"[features]\n{features}\n")
    assert told in ddaemon.call("doctor", code=code)


def test_the_bundled_detector_is_in_the_registry(ddaemon: Ddaemon) -> None:
    assert "* lite0-sequence" in ddaemon.call("detectors", "list")
    shown = ddaemon.call("detectors", "show")
    assert "files verified" in shown
    assert "of reals" in shown
    record = json.loads(ddaemon.call("detectors", "show", "--json"))
    assert record["backbone"]["difference_from_keras"] < 1e-3
    assert "no detector is called 'nope'" in ddaemon.call("detectors", "use", "nope", code=1)


def test_a_detector_of_ones_own_can_be_used_unless_it_was_altered(ddaemon: Ddaemon) -> None:
    own = ddaemon.home / "detectors" / "mine"
    shutil.copytree(ROOT / "storage" / "detectors" / "lite0-sequence", own)
    record = json.loads((own / "record.json").read_text()) | {"name": "mine"}
    (own / "record.json").write_text(json.dumps(record))
    assert "mine" in ddaemon.call("detectors", "use", "mine")
    shutil.copy(REAL, ddaemon.inbox)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    (verdict,) = ddaemon.verdicts()
    assert verdict["detector"]["name"] == "mine"
    weights = own / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "checksum differs" in ddaemon.call("run", code=1)


def test_the_stages_are_listed_with_what_they_need(ddaemon: Ddaemon) -> None:
    listed = ddaemon.call("stages")
    for line in (
        "1. examine (ddaemon",
        "2. frames (ddaemon",
        "needs   faces, features",
        "gives   verdict",
    ):
        assert line in listed


def test_jobs_can_be_cancelled_retried_and_purged(ddaemon: Ddaemon) -> None:
    job = ddaemon.call("submit", str(REAL)).split()[0]
    assert "known already" in ddaemon.call("submit", str(REAL))
    assert job in ddaemon.call("jobs", "list", "--state", "pending")
    ddaemon.call("jobs", "cancel", job[:5])
    assert "only a job that is" in ddaemon.call("jobs", "cancel", job, code=1)
    ddaemon.call("jobs", "retry", job)
    ddaemon.call("jobs", "cancel", job)
    assert "1 job(s) forgotten" in ddaemon.call("jobs", "purge", "--days", "0")
    assert ddaemon.call("jobs", "list") == ""


def test_a_database_of_garbage_is_refused_and_left_alone(ddaemon: Ddaemon) -> None:
    database = ddaemon.home / "state.db"
    database.write_bytes(b"garbage" * 1000)
    assert "left as it is" in ddaemon.call("run", code=1)
    assert database.read_bytes() == b"garbage" * 1000


@pytest.mark.parametrize("command", ["status", "run", "submit", "jobs"])
def test_without_a_home_the_error_names_the_fix(tmp_path: Path, command: str) -> None:
    words = {"submit": [str(REAL)], "jobs": ["list"]}.get(command, [])
    done = run("--home", str(tmp_path), command, *words)
    assert done.returncode == 1
    assert "ddaemon init --home" in done.stderr


def test_the_demo_leaves_two_verdicts_to_look_at(tmp_path: Path) -> None:
    done = run("demo", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("decision") == 2
    assert done.stdout.count("seconds") == 2
    for line in done.stdout.splitlines():
        if line.strip().startswith("heatmap"):
            assert Path(line.split(maxsplit=1)[1]).is_file()
