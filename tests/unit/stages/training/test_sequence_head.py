import zipfile

import cv2
import numpy as np
import pytest

from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.stages.training.head_fit import FitSettings
from ddaemon.stages.training.sequence_head import Plan, frame_arrays, train
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.stages.networks import lite0_reference

FEW_STEPS = FitSettings(units=4, attention_units=4, batch=8, steps=2, epochs=1)
ACTORS = 8


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A small data set in the shape of dfdc-faces, and a backbone with random weights."""
    folder = tmp_path_factory.mktemp("training")
    random = np.random.default_rng(0)
    rows = ["archive,file,label,group,pair,split,face_width_px"]
    with zipfile.ZipFile(folder / "faces-0.zip", "w") as archive:
        for number in range(6 * ACTORS):
            image = random.integers(0, 256, (160, 160, 3)).astype(np.uint8)
            archive.writestr(f"{number}.jpg", cv2.imencode(".jpg", image)[1].tobytes())
            label, split = ("fake", "real")[number % 2], ("val", "train")[number % 3 == 0]
            rows.append(f"faces-0.zip,{number}.jpg,{label},{number // 2 % ACTORS},p,{split},100")
    (folder / "faces.csv").write_text("\n".join(rows))
    arrays = lite0_reference.random_arrays()
    arrays |= {"_fc.weight": random.normal(0, 0.1, (1, 1280)), "_fc.bias": np.zeros(1)}
    np.savez(folder / "weights.npz", **arrays)
    return Plan(folder, folder / "weights.npz", folder / "small", folder / "cache", 12, seed=0)


@pytest.fixture(scope="module")
def published(plan):
    return train(plan, FEW_STEPS)


def test_what_was_trained_can_judge(published):
    detector = load_detector(published, FeaturesSettings(device="cpu"))
    vectors, _ = detector.extract(np.zeros((3, 128, 128, 3), np.uint8))
    assert 0 <= detector.probability(detector.judge(vectors).logit) <= 1


def test_the_record_holds_what_was_measured_and_no_folder_of_this_machine(published, plan):
    metrics = published.record.metrics
    assert {"head", "mean_of_frames", "one_frame"} <= metrics["judged_on"].keys()
    assert metrics["chosen_on"]["videos"] + metrics["judged_on"]["videos"] == 32
    assert str(plan.data) not in (published.path / "record.json").read_text()


def test_the_card_has_the_thresholds_of_the_record(published):
    card = (published.path / "card.md").read_text()
    assert f"`fake` from {published.record.thresholds.fake:.3f}" in card
    assert "talking heads" in card


def test_weights_without_a_classifier_are_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", **lite0_reference.random_arrays())
    with pytest.raises(UserError, match=r"_fc\.weight"):
        frame_arrays(tmp_path / "weights.npz")
