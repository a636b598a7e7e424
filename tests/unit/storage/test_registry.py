import hashlib
import json
import math
import os
import shutil

import pytest

from ddaemon.storage.errors import DetectorError
from ddaemon.storage.registry import (
    BUNDLED,
    DEFAULT_DETECTOR,
    DEFAULT_SHA256,
    Registry,
    read_detector,
)


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


def flip(path, place=None):
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.write_bytes(content)


def rewrite(folder, **changes):
    record = json.loads((folder / "record.json").read_text()) | changes
    (folder / "record.json").write_text(json.dumps(record))


def test_the_bundled_default_is_the_one_that_this_release_knows():
    record = BUNDLED / DEFAULT_DETECTOR / "record.json"
    assert hashlib.sha256(record.read_bytes()).hexdigest() == DEFAULT_SHA256


@pytest.mark.parametrize("file", ["weights.npz", "network.json", "card.md"])
def test_one_changed_bit_of_any_file_is_found(registry, file):
    flip(registry.folder / "first" / file)
    with pytest.raises(DetectorError, match=f"first: {file} is not the file"):
        registry.get("first").verify()


def test_a_record_altered_after_the_choice_is_refused_and_nothing_judges_in_its_place(registry):
    registry.use("second")
    registry.use("first")
    thresholds = registry.get("first").record.thresholds.model_dump() | {"fake": 0.999}
    rewrite(registry.folder / "first", thresholds=thresholds)
    with pytest.raises(DetectorError, match=r"first: record\.json is not the one that was chosen"):
        registry.active()
    assert registry.active_name() == "first"


def test_weights_exchanged_with_their_checksum_are_refused_too(registry):
    registry.use("first")
    flip(registry.folder / "first" / "weights.npz")
    digest = hashlib.sha256((registry.folder / "first" / "weights.npz").read_bytes()).hexdigest()
    files = registry.get("first").record.files | {"weights.npz": digest}
    rewrite(registry.folder / "first", files=files)
    registry.get("first").verify()
    with pytest.raises(DetectorError, match="not the one that was chosen"):
        registry.active()


def test_a_change_of_ones_own_counts_after_it_is_chosen_anew(registry):
    registry.use("first")
    rewrite(registry.folder / "first", description="mine")
    registry.use("first")
    assert registry.active().record.description == "mine"
    assert registry.rollback().name == DEFAULT_DETECTOR


def test_an_altered_bundled_default_is_refused(monkeypatch, tmp_path):
    shutil.copytree(BUNDLED, tmp_path / "bundled")
    monkeypatch.setattr("ddaemon.storage.registry.BUNDLED", tmp_path / "bundled")
    rewrite(tmp_path / "bundled" / DEFAULT_DETECTOR, description="better")
    with pytest.raises(DetectorError, match="not the one that was chosen"):
        Registry(tmp_path / "home").active()


def test_a_chosen_detector_that_is_gone_is_not_replaced_by_another(registry):
    registry.use("first")
    shutil.rmtree(registry.folder / "first")
    with pytest.raises(DetectorError, match="no detector is called 'first'"):
        registry.active()


@pytest.mark.parametrize(
    "name", ["../first", "/etc", "..", ".", "first/../second", "first\n", "\x1b"]
)
def test_a_name_never_leads_out_of_the_registry(registry, name):
    with pytest.raises(DetectorError, match="no detector is called"):
        registry.get(name)
    (registry.folder / "active").write_text(f"{name}\n")
    if name.strip() != "first":
        with pytest.raises(DetectorError, match="no detector is called"):
            registry.active()


@pytest.mark.parametrize(
    "file", ["../second/weights.npz", "/etc/passwd", "..", "", "a/b", ".hidden", "a\n", "a\x1b"]
)
def test_a_record_covers_no_file_outside_its_folder(registry, file):
    rewrite(registry.folder / "first", files={file: "0" * 64})
    with pytest.raises(DetectorError, match="is not a detector's record: files"):
        registry.get("first")


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("preprocessing", {"size": 1_000_000_000}),
        ("preprocessing", {"size": 0}),
        ("preprocessing", {"std": [0, 1, 1]}),
        ("preprocessing", {"mean": [float("nan"), 1, 1]}),
        ("preprocessing", {"crop": {"side": 1e9}}),
        ("head", {"units": 10**12}),
        ("head", {"kind": "lambda"}),
        ("calibration", {"slope": float("inf")}),
        ("thresholds", {"fake": -1}),
        ("thresholds", {"real": float("nan")}),
        ("golden", {"clip": "../../../etc/passwd"}),
        ("golden", {"frames": 10**9}),
    ],
)
def test_absurd_numbers_are_refused_before_anything_is_made_of_them(registry, part, changes):
    record = json.loads((registry.folder / "first" / "record.json").read_text())
    rewrite(registry.folder / "first", **{part: record[part] | changes})
    with pytest.raises(DetectorError, match=f"is not a detector's record: {part}"):
        registry.get("first")


def test_links_to_other_files_pipes_and_devices_are_refused(registry, tmp_path):
    weights = registry.folder / "first" / "weights.npz"
    weights.unlink()
    weights.symlink_to(registry.folder / "second" / "card.md")
    with pytest.raises(DetectorError, match="checksum differs"):
        registry.get("first").verify()
    weights.unlink()
    os.mkfifo(weights)
    with pytest.raises(DetectorError, match=r"'weights\.npz' of its record is missing"):
        registry.get("first").verify()
    record = registry.folder / "first" / "record.json"
    record.unlink()
    record.symlink_to("/dev/zero")
    with pytest.raises(DetectorError, match="no plain file"):
        read_detector(registry.folder / "first")
    record.unlink()
    os.mkfifo(record)
    with pytest.raises(DetectorError, match="no plain file"):
        read_detector(registry.folder / "first")


def test_a_threshold_that_nothing_reaches_is_none_too_absurd(registry):
    record = json.loads((registry.folder / "first" / "record.json").read_text())
    beyond = {"fake": math.nextafter(1, 2), "real": math.nextafter(0, -1)}
    rewrite(registry.folder / "first", thresholds=record["thresholds"] | beyond)
    assert registry.get("first").record.thresholds.fake > 1
