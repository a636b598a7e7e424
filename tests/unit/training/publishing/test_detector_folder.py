import json

import pytest

from ddaemon.storage.detector_record import GoldenRecord
from ddaemon.storage.errors import DetectorError
from ddaemon.storage.registry import read_detector
from ddaemon.tests.unit.stages.networks.random_detector import draft, publish_random
from ddaemon.training.publishing.detector_folder import publish_detector, set_golden

GOLDEN = GoldenRecord(clip="portrait.mp4", frames=8, probability=0.25, tolerance=1e-3)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish_random(tmp_path_factory.mktemp("detectors") / "random")


def test_the_record_covers_every_other_file(published):
    files = {path.name for path in published.path.iterdir()}
    assert set(published.record.files) == files - {"record.json"}
    published.verify()


def test_the_record_says_how_far_the_engines_differ(published):
    assert 0 < published.record.backbone.difference_from_keras < 1e-3


def test_the_network_can_be_read_line_by_line(published):
    lines = (published.path / "network.json").read_text().splitlines()
    assert len(lines) > 100
    assert json.loads(lines[1].rstrip(","))["kind"] == "InputLayer"


def test_the_golden_clip_is_named_later(published):
    named = set_golden(published.path, GOLDEN)
    assert named.record.golden == GOLDEN
    assert named.record.files == published.record.files
    assert named.sha256 != published.sha256


def test_publishing_again_replaces_the_detector(tmp_path):
    publish_random(tmp_path / "light", weights="external")
    (tmp_path / "light" / "left-over").write_text("")
    detector = publish_random(tmp_path / "light", weights="external")
    assert {path.name for path in detector.path.iterdir()} == {
        "card.md",
        "record.json",
        "weights.npz",
    }


def test_a_failure_leaves_the_old_detector_and_no_rubbish(tmp_path):
    before = publish_random(tmp_path / "light", weights="external")
    with pytest.raises(DetectorError):
        publish_detector(before.path, draft("light"), {"frame/kernel": [1e9]}, "# card")
    assert read_detector(before.path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["light"]
