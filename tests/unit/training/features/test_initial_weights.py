import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.storage.registry import Registry
from ddaemon.tests.unit.stages.networks.random_detector import publish_random
from ddaemon.training.features.initial_weights import (
    find_initial_weights,
    load_saved,
    save_initial_weights,
    trained_initial_weights,
)
from ddaemon.training.run.recipe import make_recipe


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    publish_random(folder / "mine")
    publish_random(folder / "other", seed=1)
    publish_random(folder / "scaled", std=(64.0,) * 3)
    publish_random(folder / "headless", weights="external")
    return Registry(folder)


def start(registry, **asked):
    return find_initial_weights(make_recipe(None, {"backbone": "mine"} | asked), registry)


@pytest.mark.slow
def test_a_saved_backbone_computes_what_the_network_computes(registry, tmp_path):
    begun = start(registry)
    save_initial_weights(begun, tmp_path / "saved")
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    vectors, _ = load_saved(tmp_path / "saved", begun.preprocessing, 1).run(crops)
    _, expected = begun.network().predict_on_batch((crops.astype(np.float32) - 127) / 128)
    np.testing.assert_allclose(vectors, expected, atol=1e-3)


def test_what_was_trained_comes_back_with_its_classifier(registry, tmp_path):
    begun = start(registry)
    network = begun.network()
    network.layers[1].set_weights([weight + 1 for weight in network.layers[1].get_weights()])
    frame = {"frame/kernel": np.ones((1280, 1)), "frame/bias": np.full(1, 2.0)}
    trained = begun.with_trained(network, frame)
    save_initial_weights(trained, tmp_path / "trained")
    again = trained_initial_weights(tmp_path / "trained", begun)
    assert again.digest == trained.digest != begun.digest
    assert float(again.frame["frame/bias"][0]) == 2.0


@pytest.mark.parametrize(
    "asked", [{"size": 96}, {"mode": "frame"}, {"mirrored": True}, {"margin": 0.95}]
)
def test_another_input_is_another_start(registry, asked):
    assert start(registry, **asked).digest != start(registry).digest


def test_weights_and_classifiers_are_averaged_and_all_that_they_learned_from_is_told(registry):
    alone = start(registry)
    both = start(registry, averaged=["other"])
    other = start(registry, backbone="other")
    for name in ("stem_conv/kernel", "block3_depthwise_bn/moving_variance"):
        expected = (alone.arrays[name] + other.arrays[name]) / 2
        np.testing.assert_allclose(both.arrays[name], expected, rtol=2e-3, atol=1e-6)
    expected = (alone.frame["frame/kernel"] + other.frame["frame/kernel"]) / 2
    np.testing.assert_allclose(both.frame["frame/kernel"], expected, rtol=2e-3, atol=1e-6)
    told = " ".join(both.learned_from)
    assert "the detector mine" in told and "the detector other" in told
    twice = start(registry, averaged=["other", "other"])
    expected = (alone.arrays["stem_conv/kernel"] + 2 * other.arrays["stem_conv/kernel"]) / 3
    np.testing.assert_allclose(twice.arrays["stem_conv/kernel"], expected, rtol=2e-3, atol=1e-6)


def test_what_cant_be_averaged_is_said(registry):
    with pytest.raises(UserError, match="there is no backbone or detector 'nobody'"):
        start(registry, averaged=["nobody"])
    with pytest.raises(UserError, match="headless has no backbone weights of its own"):
        start(registry, averaged=["headless"])
    with pytest.raises(UserError, match="scaled takes its pixels in another scale"):
        start(registry, averaged=["scaled"])


def test_what_one_starts_from_is_remembered(registry):
    assert "the detector mine" in start(registry).learned_from[-1]


def test_an_unknown_start_names_the_known_ones(registry):
    with pytest.raises(UserError, match=r"efficientnetv2b0, .*lite0-sequence"):
        start(registry, backbone="resnet")


def test_a_detector_brings_its_own_weights(registry):
    with pytest.raises(UserError, match="brings its own"):
        start(registry, weights="some.npz")
    with pytest.raises(UserError, match="--backbone efficientnet_lite0 --weights"):
        start(registry, backbone="headless")
