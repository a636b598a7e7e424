import copy

import numpy as np
import openvino as ov
import pytest

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.description import describe
from ddaemon.stages.networks.efficientnet_lite0 import build_efficientnet_lite0
from ddaemon.stages.networks.imagenet import with_vector
from ddaemon.stages.networks.openvino_graph import build_graph, from_pixels
from ddaemon.storage.errors import DetectorError

CLOSE = 1e-4  # of the largest entry


def build_v2b0():
    import keras

    network = keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    return with_vector(network)


def randomise_statistics(network):
    """Give batch normalisation numbers that are not those of a new network."""
    random = np.random.default_rng(5)
    for variable in network.variables:
        if variable.name in ("moving_mean", "beta"):
            variable.assign(random.normal(0, 0.2, variable.shape))
        elif variable.name in ("moving_variance", "gamma"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return network


@pytest.fixture(scope="module")
def lite0():
    network = randomise_statistics(build_efficientnet_lite0())
    return describe(network), get_arrays(network)


@pytest.mark.parametrize(
    ("build", "images"),
    [
        (build_efficientnet_lite0, np.random.default_rng(0).normal(0, 1, (3, 128, 128, 3))),
        (build_v2b0, np.random.default_rng(0).uniform(0, 255, (3, 96, 96, 3))),
    ],
)
def test_the_graph_computes_what_keras_does(build, images):
    import keras

    keras.utils.set_random_seed(0)  # some draws of weights blow rounding up a hundredfold
    network = randomise_statistics(build())
    images = images.astype(np.float32)
    maps, vectors = (np.asarray(output) for output in network(images, training=False))
    graph = build_graph(describe(network), get_arrays(network))
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    found = ov.Core().compile_model(graph, "CPU", precise)(images)
    assert vectors.std() > 1e-3
    np.testing.assert_allclose(found["maps"], maps, atol=CLOSE * np.abs(maps).max())
    np.testing.assert_allclose(found["vectors"], vectors, atol=CLOSE * np.abs(vectors).max())


@pytest.mark.parametrize(
    ("build", "mean", "std"),
    [
        (build_efficientnet_lite0, (120.0, 127.0, 130.0), (128.0,) * 3),
        (build_v2b0, (0.0,) * 3, (1.0,) * 3),
    ],
)
def test_a_network_that_takes_pixels_computes_what_keras_does(build, mean, std):
    import keras

    keras.utils.set_random_seed(0)
    network = randomise_statistics(build())
    pixels = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3)).astype(np.uint8)
    scaled = ((pixels - np.array(mean)) / np.array(std)).astype(np.float32)
    maps, vectors = (np.asarray(output) for output in network(scaled, training=False))
    graph = from_pixels(build_graph(describe(network), get_arrays(network)), mean, std)
    found = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(pixels)
    np.testing.assert_allclose(found["vectors"], vectors, atol=CLOSE * np.abs(vectors).max())
    assert found["maps"].dtype == np.float16
    np.testing.assert_allclose(found["maps"], maps, atol=2**-10 * np.abs(maps).max())


def change_layer(description, name, **changes):
    changed = copy.deepcopy(description)
    layer = next(layer for layer in changed["layers"] if layer["name"] == name)
    layer["kind"] = changes.pop("kind", layer["kind"])
    layer["config"].update(changes)
    return changed


@pytest.mark.parametrize(
    ("layer", "changes", "message"),
    [
        ("head_conv", {"kind": "Lambda"}, "head_conv: kind Lambda"),
        ("head_conv", {"activation": "gelu"}, "head_conv: activation 'gelu'"),
        ("head_conv", {"padding": "causal"}, "head_conv: padding"),
        ("head_conv", {"groups": 2}, "head_conv: groups"),
        ("head_conv", {"dilation_rate": [2, 2]}, "head_conv: dilation_rate"),
        ("head_conv", {"data_format": "channels_first"}, "head_conv: images must be"),
        ("head_relu6", {"negative_slope": 0.1}, "head_relu6: negative_slope"),
    ],
)
def test_a_layer_that_is_not_understood_is_refused_by_name(lite0, layer, changes, message):
    description, arrays = lite0
    with pytest.raises(DetectorError, match=message):
        build_graph(change_layer(description, layer, **changes), arrays)


def test_a_layer_without_its_weights_is_refused_by_name(lite0):
    description, arrays = lite0
    fewer = {name: array for name, array in arrays.items() if name != "block3_expand_conv/kernel"}
    with pytest.raises(DetectorError, match="block3_expand_conv"):
        build_graph(description, fewer)


def test_a_description_of_another_format_is_refused(lite0):
    description, arrays = lite0
    with pytest.raises(DetectorError, match="format 2"):
        build_graph({**description, "format": 2}, arrays)
