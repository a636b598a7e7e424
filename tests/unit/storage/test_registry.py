import shutil

import pytest

from ddaemon.storage.errors import DetectorError
from ddaemon.storage.registry import BUNDLED, DEFAULT_DETECTOR, Registry


@pytest.fixture
def registry(tmp_path):
    """The bundled detector and two copies of it, `first` and `second`."""
    for name in ("first", "second"):
        shutil.copytree(BUNDLED / DEFAULT_DETECTOR, tmp_path / name)
        record = tmp_path / name / "record.json"
        text = record.read_text().replace(f'"name": "{DEFAULT_DETECTOR}"', f'"name": "{name}"')
        record.write_text(text)
    return Registry(tmp_path)


def test_choices_are_taken_back_one_by_one(registry):
    registry.use("first")
    registry.use("second")
    assert registry.active_name() == "second"
    assert registry.rollback().name == "first"
    assert registry.rollback().name == DEFAULT_DETECTOR
    with pytest.raises(DetectorError, match="nothing before it"):
        registry.rollback()
    assert registry.active_name() == DEFAULT_DETECTOR


def test_choosing_the_same_again_is_no_choice(registry):
    registry.use("first")
    registry.use("first")
    assert registry.rollback().name == DEFAULT_DETECTOR


def test_a_file_from_before_there_was_rollback_is_understood(registry):
    (registry.folder / "active").write_text("second\n")
    assert registry.active_name() == "second"
    assert registry.rollback().name == DEFAULT_DETECTOR


def test_an_altered_detector_is_not_gone_back_to(registry):
    registry.use("first")
    registry.use("second")
    (registry.folder / "first" / "card.md").write_text("all is well")
    with pytest.raises(DetectorError, match="checksum"):
        registry.rollback()
    assert registry.active_name() == "second"
