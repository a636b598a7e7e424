"""`ddaemon train` and `ddaemon evaluate` as a user calls them: one data set, one finished run."""

import json
import shutil
from pathlib import Path

import pytest

from ddaemon.storage.registry import DEFAULT_DETECTOR, Registry
from ddaemon.tests.clips import blank_clip
from ddaemon.tests.people import celeb_df, film
from ddaemon.tests.runs import metrics_in, rows_in
from ddaemon.tests.service import Ddaemon

FRAMES = ("--frames", "4")  # of all runs, so that later ones find their vectors in the cache
FEW = (*FRAMES, "--epochs", "2")


@pytest.fixture(scope="session")
def celebs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return celeb_df(tmp_path_factory.mktemp("data") / "celebs", people=24, takes=1)


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
    assert len(splits) == 24
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
    assert new["envelope"]["videos"] == 48
    assert new["files"]["weights.npz"] == record["files"]["weights.npz"]
    assert "--envelope DIR" in (tmp_path / "new" / "old" / "card.md").read_text()
    again = trained.warm_call(*words, "--envelope", str(tmp_path / "new"), code=1)
    assert "choose another folder" in again
    said = trained.warm_call("evaluate", str(celebs), "--detector", "celebs", "--envelope",
                        str(tmp_path / "new"), code=1)  # fmt: skip
    assert "has an envelope already" in said
