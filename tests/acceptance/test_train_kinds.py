"""Training on other kinds of data, by other recipes and networks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ddaemon.tests.clips import blank_clip
from ddaemon.tests.people import dfdc, face_images, faceforensics, film
from ddaemon.tests.runs import metrics_in, rows_in
from ddaemon.tests.service import Ddaemon
from ddaemon.tests.untrained import save_untrained_v2b0
from ddaemon.tests.warm import WarmProcess

FEWEST = ("--frames", "2", "--epochs", "1", "--val", "0.25", "--test", "0.25", "--workers", "1")


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
    ddaemon.warm_call("train", str(dataset), "--forge", *FEWEST, "--out", str(tmp_path / "run"))
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


def test_efficientnetv2b0_learns_from_a_weights_file(ddaemon: Ddaemon, tmp_path: Path) -> None:
    weights = tmp_path / "v2b0.weights.h5"
    assert WarmProcess(save_untrained_v2b0, str(weights)).wait().returncode == 0
    dataset = face_images(tmp_path / "data", people=14)
    words = ("train", str(dataset), "--backbone", "efficientnetv2b0", *FEWEST, "--size", "96")
    ddaemon.warm_call(*words, "--weights", str(weights), "--name", "v2b0", "--use")
    clip = film(tmp_path / "clip.mp4", who=40, take=0, forged=True)
    verdict = json.loads(ddaemon.call("check", "--json", str(clip)))
    assert verdict["detector"]["backbone"] == "efficientnetv2b0"


def test_efficientnetv2b0_without_weights_names_the_ways_out(
    ddaemon: Ddaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = face_images(tmp_path / "data", people=4)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    said = ddaemon.call("train", str(dataset), "--backbone", "efficientnetv2b0", code=1)
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
