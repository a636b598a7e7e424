"""`ddaemon train` and `ddaemon evaluate` as a user calls them: real folders, real videos."""

import csv
import json
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ddaemon.storage.registry import DEFAULT_DETECTOR, Registry
from ddaemon.tests.clips import blank_clip
from ddaemon.tests.people import celeb_df, dfdc, face_images, faceforensics, film
from ddaemon.tests.service import Ddaemon
from ddaemon.tests.untrained import save_untrained_v2b0
from ddaemon.tests.warm import WarmProcess, start_command

PEOPLE = 24  # of the data set that most tests share
FRAMES = ("--frames", "4")
FEW = (*FRAMES, "--epochs", "2")
FEWEST = ("--frames", "2", "--epochs", "1", "--val", "0.25", "--test", "0.25", "--workers", "1")


@pytest.fixture(scope="session")
def celebs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return celeb_df(tmp_path_factory.mktemp("data") / "celebs", people=PEOPLE, takes=1)


@pytest.fixture
def few_celebs(celebs: Path, tmp_path: Path) -> Path:
    """The first half of the people."""
    few = tmp_path / "few"
    for path in celebs.glob("*/id*.mp4"):
        if int(path.name.partition("_")[0].removeprefix("id")) < PEOPLE // 2:
            (few / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, few / path.parent.name)
    return few


@pytest.fixture(scope="session")
def trained(celebs: Path, tmp_path_factory: pytest.TempPathFactory) -> Ddaemon:
    """A home with one finished run, `runs/whole`, and its detector `celebs`."""
    daemon = Ddaemon(tmp_path_factory.mktemp("trained") / "home")
    daemon.call_here("init")
    daemon.warm_call(
        "train", str(celebs), *FRAMES, "--epochs", "4", "--val", "0.25", "--test", "0.4",
        "--balance", "smote", "--out", str(daemon.home / "runs" / "whole"), "--name", "celebs",
    )  # fmt: skip
    return daemon


def run_of(daemon: Ddaemon) -> Path:
    return daemon.home / "runs" / "whole"


def metrics_in(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "metrics.json").read_bytes())
    return record


def rows_in(run: Path) -> list[dict[str, str]]:
    with (run / "index.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def noted(run: Path) -> list[tuple[str, str]]:
    lines = (run / "journal.jsonl").read_text().splitlines()
    return [(json.loads(line)["step"], json.loads(line)["unit"]) for line in lines]


def test_one_command_makes_a_detector_that_beats_chance_on_people_it_never_saw(
    trained: Ddaemon,
) -> None:
    area = metrics_in(run_of(trained))["judged"][0]["figures"]["auc"]
    assert area["interval"][0] > 0.5, area


def test_nobody_is_in_two_splits(trained: Ddaemon) -> None:
    splits: dict[str, set[str]] = {}
    for row in rows_in(run_of(trained)):
        if row["split"] != "unused":
            for who in filter(None, (row["group"], row["donor"])):
                splits.setdefault(who, set()).add(row["split"])
    assert len(splits) == PEOPLE
    assert all(len(where) == 1 for where in splits.values())
    assert metrics_in(run_of(trained))["leaks"] == []


def test_the_run_leaves_a_report_with_everything_in_it(trained: Ddaemon) -> None:
    run = run_of(trained)
    page = (run / "report.html").read_text()
    assert metrics_in(run)["verdicts"][0] in page
    for name in ("training_curves", "labels", "confusion", "roc", "precision_recall",
                 "reliability", "scores"):  # fmt: skip
        assert (run / f"{name}.png").stat().st_size > 2000, name
    assert "majority" in page
    assert "logistic regression on the mean vector" in page
    assert "SMOTE" in page
    assert str(trained.home) not in page


def test_what_was_trained_judges_in_the_running_service_from_the_next_job_on(
    trained: Ddaemon, ddaemon: Ddaemon, tmp_path: Path
) -> None:
    detector = trained.home / "detectors" / "celebs"
    (ddaemon.home / "detectors" / "celebs").symlink_to(detector)
    ddaemon.start()
    film(ddaemon.inbox / "before.mp4", who=30, take=0, forged=True)
    ddaemon.ended(1)
    ddaemon.call("detectors", "use", "celebs")
    film(ddaemon.inbox / "after.mp4", who=31, take=0, forged=True)
    ddaemon.ended(2)
    ddaemon.call("detectors", "rollback")
    film(ddaemon.inbox / "back.mp4", who=32, take=0, forged=True)
    verdicts = {v["input"]["name"]: v["detector"]["name"] for v in ddaemon.ended(3)}
    assert verdicts == {
        "before.mp4": "lite0-sequence", "after.mp4": "celebs", "back.mp4": "lite0-sequence",
    }  # fmt: skip


def test_doctor_reproduces_the_golden_score_of_the_new_detector(trained: Ddaemon) -> None:
    trained.call("detectors", "use", "celebs")
    said = trained.call("doctor")
    assert "golden" in said
    trained.call("detectors", "rollback")


def test_several_detectors_are_measured_side_by_side(
    trained: Ddaemon, celebs: Path, tmp_path: Path
) -> None:
    said = trained.warm_call(
        "evaluate", str(celebs), "--detector", "celebs", "--detector", "lite0-sequence",
        *FRAMES, "--out", str(tmp_path / "report"), "--json",
    )  # fmt: skip
    names = [one["detector"] for one in json.loads(said)["judged"]]
    bundled = Registry.of_bundled().get(DEFAULT_DETECTOR).record
    assert names == ["celebs 1", f"lite0-sequence {bundled.version}"]
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


def test_each_step_is_a_command_and_asks_for_the_one_before(
    celebs: Path, trained: Ddaemon, tmp_path: Path
) -> None:
    run = str(tmp_path / "run")
    trained.warm_call("train", "index", str(celebs), "--val", "0.25", "--test", "0.4", "--out", run)
    said = trained.warm_call("train", "fit", run, code=1)
    assert "first: ddaemon train features" in said
    for step in ("features", "fit", "evaluate", "publish"):
        trained.warm_call("train", step, run, *FEW)
    said = trained.warm_call("train", "fit", run, *FEW)
    assert "fit: done already" in said
    assert len(list((trained.home / "detectors").glob("*celebs"))) == 2


# Where it is killed: after so many units of a step in the journal, or as soon as a step is done,
# which is in the midst of the next one.
UNITS = (("index", 5), ("vectors", 5), ("fit", 2), ("fit", 2))
DONE = ("fit", "evaluate")


def test_a_run_that_is_killed_at_each_step_does_nothing_twice(
    few_celebs: Path, ddaemon: Ddaemon, tmp_path: Path
) -> None:
    """The process and its children are killed; the run goes on and ends as an unbroken one."""
    words = ("train", str(few_celebs), "--frames", "3", "--epochs", "3", "--patience", "9",
             "--trials", "2", "--val", "0.25", "--test", "0.4")  # fmt: skip
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    call = (*words, "--out", str(broken))
    for step, count in UNITS:
        again = "--resume" if broken.exists() else "--name=b"
        enough = _count(broken, step) + count
        _kill_when(ddaemon, (*call, again), lambda s=step, n=enough: _count(broken, s) >= n)
    for step in DONE:
        _kill_when(ddaemon, (*call, "--resume"), lambda s=step: s in _done(broken))
    ddaemon.warm_call(*call, "--resume")
    ddaemon.warm_call(*words, "--out", str(whole), "--name", "w")
    twice = {unit: count for unit, count in Counter(noted(broken)).items() if count > 1}
    assert not twice
    assert len(noted(broken)) >= len(noted(whole)) - len(UNITS), "a unit was done and not noted"
    assert (broken / "fit" / "head.npz").read_bytes() == (whole / "fit" / "head.npz").read_bytes()
    assert {"b", "w"} <= {path.name for path in (ddaemon.home / "detectors").iterdir()}


def _kill_when(daemon: Ddaemon, words: tuple[str, ...], is_time: Callable[[], bool]) -> None:
    process = start_command("--home", str(daemon.home), *words)
    while not is_time() and process.poll() is None:
        time.sleep(0.02)
    assert process.kill() == -signal.SIGKILL, "it ended before it could be broken"


def _count(run: Path, step: str) -> int:
    return sum(s == step for s, _ in noted(run)) if (run / "journal.jsonl").is_file() else 0


def _done(run: Path) -> dict[str, str]:
    path = run / "steps.json"
    return json.loads(path.read_bytes()) if path.is_file() else {}


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "FaceForensics++": lambda root: faceforensics(root, people=10),
    "DFDC": lambda root: dfdc(root, people=10),
    "table": lambda root: face_images(root, people=14),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_become_detectors_too(layout: str, ddaemon: Ddaemon, tmp_path: Path) -> None:
    dataset = LAYOUTS[layout](tmp_path / "data")
    run = str(tmp_path / "run")
    ddaemon.warm_call("train", str(dataset), *FEWEST, "--out", run, "--name", "new", "--use")
    findings = json.loads((tmp_path / "run" / "findings.json").read_bytes())
    assert findings["layout"] == layout
    assert findings["leaks"] == []
    clip = film(tmp_path / "clip.mp4", who=40, take=0, forged=True)
    assert json.loads(ddaemon.call("check", "--json", str(clip)))["detector"]["name"] == "new"


def test_reals_alone_are_enough_with_forge(ddaemon: Ddaemon, tmp_path: Path) -> None:
    dataset = face_images(tmp_path / "data", people=14, fakes=False)
    said = ddaemon.warm_call("train", str(dataset), code=1)
    assert "--forge" in said
    ddaemon.warm_call("train", str(dataset), "--forge", "--frames", "2", "--epochs", "1", "--val",
                 "0.25", "--test", "0.25", "--out", str(tmp_path / "run"))  # fmt: skip
    rows = rows_in(tmp_path / "run")
    assert {row["method"] for row in rows if row["label"] == "0"} == {"self-blended"}
    assert "self-blended" in (tmp_path / "run" / "report.html").read_text()


def test_the_seed_protocol_prints_its_number_beside_the_sound_one(
    ddaemon: Ddaemon, tmp_path: Path
) -> None:
    dataset = face_images(tmp_path / "data", people=14)
    ddaemon.warm_call("train", str(dataset), "--protocol", "seed", "--backbone", "lite0-sequence",
                 "--epochs", "2", "--val", "0.25", "--test", "0.25", "--name", "seed",
                 "--out", str(tmp_path / "run"), "--use")  # fmt: skip
    found = metrics_in(tmp_path / "run")["seed_protocol"]
    assert 0 <= found["seed"]["accuracy"] <= 1
    assert found["seed"]["people_in_both"] > 0
    assert found["sound"]["people_in_both"] == 0
    assert found["why"][0] in (tmp_path / "run" / "report.html").read_text().replace("&#39;", "'")
    clip = film(tmp_path / "clip.mp4", who=40, take=0, forged=True)
    verdict = json.loads(ddaemon.call("check", "--json", str(clip)))
    assert verdict["faces"][0]["frames"][0]["box"] == [0, 0, 256, 256]


def test_the_backbone_learns_with_finetune(ddaemon: Ddaemon, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(
        "frames = 2\nepochs = 1\nval = 0.25\ntest = 0.25\nfinetune = true\n"
        'blind_to = ["puppets", "sound"]\n'
        '[finetuning]\nepochs = 2\nsteps = 2\nbatch = 4\naverage = 0.5\nfrozen_to = "block14_add"\n'
    )
    words = (str(celeb_df(tmp_path / "data", people=10, takes=1)),
             "--recipe", str(tmp_path / "recipe.toml"))  # fmt: skip
    run, again = tmp_path / "run", tmp_path / "again"
    call = ("train", *words, "--out", str(run))
    _kill_when(ddaemon, (*call, "--name", "a"), lambda: _count(run, "finetune") > 0)
    ddaemon.warm_call(*call, "--resume")
    ddaemon.warm_call("train", "index", *words, "--out", str(again), "--name", "b")
    ddaemon.warm_call("train", "finetune", str(again))
    assert [unit for step, unit in noted(run) if step == "finetune"] == ["epoch 1", "epoch 2"]
    for name in ("finetuned/weights.npz", "finetune/checkpoint.npz"):  # the best, and the last
        with np.load(run / name) as broken, np.load(again / name) as whole:
            assert all(np.array_equal(broken[array], whole[array]) for array in whole.files), name
    curves = json.loads((run / "finetune" / "curves.json").read_text())
    assert ["val_auc_unaveraged" in curve for curve in curves] == [False, True, True]
    assert "fine-tuned" in ddaemon.call("detectors", "show", "a")
    video = film(tmp_path / "x.mp4", who=30, take=0, forged=False)
    _is_said_beside_the_verdict("puppets; sound", ddaemon, video)


def _is_said_beside_the_verdict(blind_to: str, daemon: Ddaemon, video: Path) -> None:
    """What the recipe of detector a names as unseen reaches everyone who reads its verdict."""
    assert f"blind to   {blind_to}" in daemon.call("detectors", "show", "a")
    card = (daemon.home / "detectors" / "a" / "card.md").read_text()
    assert f"These can pass as real: {blind_to}." in card
    (verdict,) = map(
        json.loads, daemon.call("check", str(video), "--detector", "a", "--json").splitlines()
    )
    assert verdict["limits"].endswith(f"to see: {blind_to}.")


def test_efficientnetv2b0_learns_from_a_weights_file(ddaemon: Ddaemon, tmp_path: Path) -> None:
    weights = tmp_path / "v2b0.weights.h5"
    assert WarmProcess(save_untrained_v2b0, str(weights)).wait().returncode == 0
    dataset = face_images(tmp_path / "data", people=14)
    words = ("train", str(dataset), "--backbone", "efficientnetv2b0", "--frames", "2",
             "--epochs", "1", "--val", "0.25", "--test", "0.25", "--size", "96")  # fmt: skip
    ddaemon.warm_call(*words, "--weights", str(weights), "--name", "v2b0", "--use")
    clip = film(tmp_path / "clip.mp4", who=40, take=0, forged=True)
    verdict = json.loads(ddaemon.call("check", "--json", str(clip)))
    assert verdict["detector"]["backbone"] == "efficientnetv2b0"


def test_efficientnetv2b0_without_weights_names_the_ways_out(
    celebs: Path, ddaemon: Ddaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    said = ddaemon.call("train", str(celebs), "--backbone", "efficientnetv2b0", code=1)
    assert "--weights" in said
    assert "internet" in said
    assert not list(ddaemon.home.glob("cache/*/*")), "it was said before anything was computed"


def test_all_faults_of_a_data_set_are_listed_at_once(ddaemon: Ddaemon, tmp_path: Path) -> None:
    blank_clip(tmp_path / "a.mp4")
    (tmp_path / "index.csv").write_text(
        "path,label\na.mp4,real\nb.mp4,fake\na.mp4,perhaps\n../c.mp4,fake\n"
    )
    said = ddaemon.warm_call("train", str(tmp_path / "index.csv"), code=1)
    for fault in ("b.mp4", "perhaps", "../c.mp4"):
        assert fault in said
    assert "Traceback" not in said


def test_a_broken_video_is_reported_and_left_out(
    celebs: Path, trained: Ddaemon, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for folder in ("Celeb-real", "Celeb-synthesis"):
        (data / folder).mkdir(parents=True)
        for path in (celebs / folder).iterdir():
            shutil.copy(path, data / folder / path.name)
    (data / "Celeb-real" / "id90_0000.mp4").write_bytes(b"\0" * 1000)
    blank_clip(data / "Celeb-real" / "id91_0000.mp4")
    said = trained.warm_call("train", str(data), *FRAMES, "--epochs", "1", "--val", "0.25",
                        "--test", "0.4", "--name", "holes")  # fmt: skip
    assert "id90_0000.mp4" in said
    assert "id91_0000.mp4: no_face" in said


def test_a_run_is_not_begun_twice_nor_a_detector_overwritten(
    celebs: Path, trained: Ddaemon, tmp_path: Path
) -> None:
    said = trained.warm_call("train", str(celebs), "--out", str(run_of(trained)), code=1)
    assert "--resume" in said
    for name in ("celebs", "lite0-sequence"):
        said = trained.warm_call("train", str(celebs), "--name", name, code=1)
        assert "--name" in said


def test_a_detector_from_before_the_envelope_learns_one_and_keeps_its_scores(
    trained: Ddaemon, celebs: Path, tmp_path: Path
) -> None:
    old = trained.home / "detectors" / "old"
    shutil.copytree(trained.home / "detectors" / "celebs", old)
    record = json.loads((old / "record.json").read_bytes())
    (old / "record.json").write_text(json.dumps(record | {"name": "old", "envelope": None}))
    words = ("evaluate", str(celebs), "--detector", "old", *FRAMES)
    trained.warm_call(
        *words, "--envelope", str(tmp_path / "new"), "--out", str(tmp_path / "report")
    )
    new = json.loads((tmp_path / "new" / "old" / "record.json").read_bytes())
    assert new["version"] == "2"
    assert new["envelope"]["videos"] == 2 * PEOPLE
    assert new["files"]["weights.npz"] == record["files"]["weights.npz"]
    assert "--envelope DIR" in (tmp_path / "new" / "old" / "card.md").read_text()
    again = trained.warm_call(*words, "--envelope", str(tmp_path / "new"), code=1)
    assert "choose another folder" in again
    said = trained.warm_call("evaluate", str(celebs), "--detector", "celebs", "--envelope",
                        str(tmp_path / "new"), code=1)  # fmt: skip
    assert "has an envelope already" in said
