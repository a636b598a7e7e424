"""Fine-tuning: what is left alone, and what is judged and kept."""

import numpy as np
import pytest

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.training.fitting.finetune import Settings, averaged, network_to_tune
from ddaemon.stages.training.recipe import FinetuneSettings
from ddaemon.stages.training.start import start_of_detector
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.stages.networks.random_detector import publish_random

NORM = ("moving_mean", "moving_variance", "gamma", "beta")


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_normalisation_stays_as_it_was_if_it_is_frozen(tmp_path, frozen):
    start = start_of_detector(publish_random(tmp_path / "random"))
    asked = FinetuneSettings(batch=2, rate=1e-2, frozen_norm=frozen)
    network, backbone, _ = network_to_tune(start, Settings(asked, seed=0), steps=1)
    before, faces = get_arrays(backbone), np.random.default_rng(0).normal(size=(2, 64, 64, 3))
    network.train_on_batch(faces, np.array([[1.0], [0.0]]))
    after = get_arrays(backbone)
    same = {name: np.array_equal(after[name], before[name]) for name in before}
    norms = [name for name in same if name.endswith(NORM)]
    assert norms and all(same[name] for name in norms) == frozen
    assert not all(same[name] for name in same if name.endswith("kernel"))


def test_layers_that_are_frozen_run_as_they_serve_and_stay_as_they_were(tmp_path):
    start = start_of_detector(publish_random(tmp_path / "random"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
    whole, _, see_all = network_to_tune(start, Settings(FinetuneSettings(), seed=0), steps=1)
    asked = FinetuneSettings(rate=1e-2, frozen_norm=True, frozen_to="block4_add")
    upper, backbone, see = network_to_tune(start, Settings(asked, seed=0), steps=1)
    upper.get_layer("frame").set_weights(whole.get_layer("frame").get_weights())
    np.testing.assert_allclose(
        upper.predict_on_batch(see(pixels)), whole.predict_on_batch(see_all(pixels)), atol=2e-3
    )
    before = get_arrays(backbone)
    upper.train_on_batch(see(pixels), np.array([[1.0], [0.0]]))
    after = get_arrays(backbone)
    learned = {
        name.split("_")[0] for name in before if not np.array_equal(after[name], before[name])
    }
    assert learned == {*(f"block{number}" for number in range(5, 16)), "head"}


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("block99_add", "no layer 'block99_add'; for example: block2_add"),
        ("block4_depthwise_conv", "something goes past block4_depthwise_conv"),
    ],
)
def test_a_network_is_cut_only_where_everything_goes_through(tmp_path, layer, said):
    start = start_of_detector(publish_random(tmp_path / "random"))
    with pytest.raises(UserError, match=said):
        network_to_tune(start, Settings(FinetuneSettings(frozen_to=layer), seed=0), steps=1)


def test_the_running_average_is_shown_and_the_weights_go_on_as_they_were():
    import keras

    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    network.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75), "mse")
    steps = []
    for _ in range(3):
        network.train_on_batch(np.ones((4, 1)), np.full((4, 1), 5.0))
        steps += [float(array.squeeze()) for array in get_arrays(network).values()]
    expected = steps[0]
    for weight in steps[1:]:
        expected = 0.75 * expected + 0.25 * weight
    with averaged(network, 3):
        shown = [float(array.squeeze()) for array in get_arrays(network).values()]
    assert shown == pytest.approx([expected], rel=1e-5) and shown[0] != steps[-1]
    assert [float(array.squeeze()) for array in get_arrays(network).values()] == steps[-1:]
