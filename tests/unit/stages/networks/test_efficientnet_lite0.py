import numpy as np
import pytest

from ddaemon.stages.networks.arrays import read_arrays, set_arrays
from ddaemon.stages.networks.efficientnet_lite0 import arrays_from_torch, build_efficientnet_lite0
from ddaemon.stages.networks.imagenet import build_backbone
from ddaemon.storage.errors import DetectorError
from ddaemon.tests.shared import SHARED, needs_shared
from ddaemon.tests.unit.stages.networks import lite0_reference

LITE0 = SHARED / "detectors" / "lite0-v0"


@pytest.fixture(scope="module")
def network():
    network = build_efficientnet_lite0()
    set_arrays(network, arrays_from_torch(lite0_reference.random_arrays()))
    return network


@pytest.mark.parametrize("side", [64, 75])
def test_the_network_computes_what_a_plain_numpy_one_does(network, side):
    images = np.random.default_rng(1).normal(0, 1, (2, 3, side, side)).astype(np.float32)
    expected = lite0_reference.run(lite0_reference.random_arrays(), images)
    _, vectors = network(images.transpose(0, 2, 3, 1), training=False)
    assert expected.std() > 0.1
    np.testing.assert_allclose(np.asarray(vectors), expected, atol=1e-4)


def test_the_vector_is_the_mean_of_the_map(network):
    images = np.random.default_rng(2).normal(0, 1, (1, 128, 128, 3)).astype(np.float32)
    maps, vectors = network(images, training=False)
    assert tuple(maps.shape) == (1, 4, 4, 1280)
    np.testing.assert_allclose(np.asarray(maps).mean(axis=(1, 2)), np.asarray(vectors), atol=1e-5)


def test_weights_that_lack_an_array_are_refused_by_its_name():
    arrays = lite0_reference.random_arrays()
    del arrays["_blocks.7._bn1.running_var"]
    with pytest.raises(DetectorError, match=r"_blocks\.7\._bn1\.running_var"):
        arrays_from_torch(arrays)


@needs_shared
def test_the_logits_are_those_that_were_recorded_with_the_weights():
    arrays = read_arrays(LITE0 / "weights.npz")
    check = np.load(LITE0 / "check.npz")
    network = build_backbone("efficientnet_lite0", LITE0 / "weights.npz")
    images = check["input"].astype(np.float32).transpose(0, 2, 3, 1)
    _, vectors = network(images, training=False)
    kernel, bias = (arrays[name].astype(np.float32) for name in ("_fc.weight", "_fc.bias"))
    np.testing.assert_allclose(np.asarray(vectors) @ kernel[0] + bias, check["logit"], atol=1e-4)
