import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage import registry
from ddaemon.storage.content import hash_file
from ddaemon.storage.detector_record import DetectorRecord
from ddaemon.storage.errors import DetectorError, WeightsMissing
from ddaemon.storage.registry import BUNDLED, DEFAULT_DETECTOR, read_detector
from ddaemon.tests.unit.stages.networks import lite0_reference
from ddaemon.tests.unit.stages.networks.random_detector import SIZE, publish_random
from ddaemon.training.features.initial_weights import initial_weights_of_detector
from ddaemon.training.judging.comparing import judge_of

SETTINGS = FeaturesSettings(device="cpu")
CROPS = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
SERVE = """
import sys
from pathlib import Path
import numpy as np
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage import registry
from ddaemon.storage.registry import read_detector
detector = load_detector(read_detector(Path(sys.argv[1])), FeaturesSettings(device="cpu"))
size = detector.record.preprocessing.size
vectors, _ = detector.extract(np.zeros((2, size, size, 3), np.uint8))
print(detector.probability(detector.judge(vectors).logit))
assert not {"tensorflow", "keras"} & set(sys.modules), "the serving path imported Keras"
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish_random(tmp_path_factory.mktemp("detectors") / "random").path


@pytest.fixture
def copied(published, tmp_path):
    return shutil.copytree(published, tmp_path / "random")


def rewrite_record(folder, change):
    """Change the record and set its checksums right again, as an attacker could."""
    record = read_detector(folder).record
    files = {file: hash_file(folder / file) for file in record.files if (folder / file).is_file()}
    changed = change(record.model_copy(update={"files": files}))
    (folder / "record.json").write_text(changed.model_dump_json())


def test_a_published_detector_judges(published):
    detector = load_detector(read_detector(published), SETTINGS)
    vectors, maps = detector.extract(CROPS)
    output = detector.judge(vectors)
    assert (vectors.shape, maps.shape) == ((4, 1280), (4, 2, 2, 1280))
    assert output.gradient.shape == (4, 1280)
    assert 0 < detector.probability(output.logit) < 1


def test_a_probability_is_calibrated(published):
    detector = load_detector(read_detector(published), SETTINGS)
    assert detector.probability(0.5) == pytest.approx(0.5)  # slope 2, offset -1
    assert detector.probability(1.0) == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-6)
    np.testing.assert_allclose(detector.frame_scores(np.array([-0.5], np.float32)), [0.5])


def test_a_detector_is_loaded_once(published):
    folder = read_detector(published)
    assert load_detector(folder, SETTINGS) is load_detector(folder, SETTINGS)
    other = load_detector(folder, FeaturesSettings(device="cpu", threads=2))
    assert other is not load_detector(folder, SETTINGS)


def test_each_file_of_a_detector_is_read_once(copied, monkeypatch):
    folder, read = read_detector(copied), []
    whole = registry.read_whole
    monkeypatch.setattr(
        registry, "read_whole", lambda *asked: read.append(asked[0]) or whole(*asked)
    )
    load_detector(folder, SETTINGS)
    assert sorted(path.name for path in read) == sorted(folder.record.files)


def test_serving_imports_neither_tensorflow_nor_keras(published):
    ran = subprocess.run(
        [sys.executable, "-c", SERVE, str(published)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("file", ["weights.npz", "network.json", "card.md"])
def test_an_altered_file_is_refused_by_name(copied, file):
    with (copied / file).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(DetectorError, match=file):
        load_detector(read_detector(copied), SETTINGS)


@pytest.mark.parametrize("file", ["weights.npz", "network.json"])
def test_a_file_that_the_record_does_not_cover_is_not_used(copied, file):
    def uncover(record: DetectorRecord):
        files = {name: digest for name, digest in record.files.items() if name != file}
        return record.model_copy(update={"files": files})

    rewrite_record(copied, uncover)
    with pytest.raises(DetectorError, match=f"does not cover {file}"):
        load_detector(read_detector(copied), SETTINGS)


def test_pickled_objects_are_refused_even_with_a_right_checksum(copied):
    np.savez(copied / "weights.npz", bomb=np.array([object()], dtype=object))
    rewrite_record(copied, lambda record: record)
    with pytest.raises(DetectorError, match="plain arrays"):
        load_detector(read_detector(copied), SETTINGS)


def test_an_unknown_layer_is_refused_even_with_a_right_checksum(copied):
    network = copied / "network.json"
    network.write_text(network.read_text().replace('"kind": "Add"', '"kind": "Lambda"', 1))
    rewrite_record(copied, lambda record: record)
    with pytest.raises(DetectorError, match="kind Lambda is not understood"):
        load_detector(read_detector(copied), SETTINGS)


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000])
def test_a_network_that_is_no_object_is_refused(copied, content):
    (copied / "network.json").write_text(content)
    rewrite_record(copied, lambda record: record)
    with pytest.raises(DetectorError, match=r"network\.json"):
        load_detector(read_detector(copied), SETTINGS)


def convolution(network):
    return next(layer for layer in network["layers"] if layer["kind"] == "Conv2D")


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.pop("layers"),
        lambda network: network.pop("name"),
        lambda network: network.update(layers=7),
        lambda network: network.update(outputs=["nowhere", "vector"]),
        lambda network: network.update(outputs=[]),
        lambda network: convolution(network)["config"].update(strides=[-1, 10**30]),
        lambda network: convolution(network)["config"].update(strides="x"),
        lambda network: network["layers"].reverse(),
        lambda network: network["layers"].append({}),
    ],
)
def test_a_network_that_makes_no_sense_is_refused_in_one_line(copied, change):
    network = json.loads((copied / "network.json").read_text())
    change(network)
    (copied / "network.json").write_text(json.dumps(network))
    rewrite_record(copied, lambda record: record)
    said = r"^network\.json can't be built: .+|^layer .+|takes no"
    with pytest.raises(DetectorError, match=said):
        load_detector(read_detector(copied), SETTINGS)


def test_training_starts_from_no_altered_detector(copied):
    with (copied / "weights.npz").open("r+b") as stream:
        stream.seek(100)
        stream.write(b"\x00")
    with pytest.raises(DetectorError, match="checksum differs"):
        initial_weights_of_detector(read_detector(copied))
    with pytest.raises(DetectorError, match="checksum differs"):
        judge_of(read_detector(copied))


def test_a_head_of_another_width_than_the_record_says_is_refused(copied):
    def widen(record: DetectorRecord):
        return record.model_copy(
            update={"head": record.head.model_copy(update={"units": record.head.units + 1})}
        )

    rewrite_record(copied, widen)
    with pytest.raises(DetectorError, match="its record says"):
        load_detector(read_detector(copied), SETTINGS)


def test_a_detector_without_a_backbone_takes_the_configured_weights(tmp_path):
    folder = publish_random(tmp_path / "light", weights="external")
    weights = tmp_path / "lite0.npz"
    np.savez(weights, **lite0_reference.random_arrays())
    detector = load_detector(folder, FeaturesSettings(device="cpu", weights=str(weights)))
    assert detector.extract(CROPS)[0].std() > 0.01


def test_a_detector_without_a_backbone_says_what_weights_it_misses(tmp_path):
    folder = publish_random(tmp_path / "light", weights="external")
    settings = FeaturesSettings(device="cpu", weights=str(tmp_path / "none.npz"))
    with pytest.raises(WeightsMissing, match=r"features\.weights"):
        load_detector(folder, settings)


def test_the_bundled_detector_is_whole():
    folder = read_detector(BUNDLED / DEFAULT_DETECTOR, bundled=True)
    detector = load_detector(folder, SETTINGS)
    assert set(folder.record.files) == {"weights.npz", "network.json", "card.md"}
    assert folder.record.backbone.difference_from_keras < 1e-3
    assert detector.record.thresholds.real < detector.record.thresholds.fake
    assert sum(path.stat().st_size for path in folder.path.iterdir()) < 15e6
