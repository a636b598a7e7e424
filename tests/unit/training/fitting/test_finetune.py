"""Fine-tuning: what is left alone, and what is judged and kept."""

import numpy as np
import pytest

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.stages.networks.random_detector import publish_random
from ddaemon.training.features.initial_weights import initial_weights_of_detector
from ddaemon.training.fitting import accelerator
from ddaemon.training.fitting.checkpoint import FitState, load_checkpoint, save_checkpoint
from ddaemon.training.fitting.finetune import Settings, averaged, network_to_tune
from ddaemon.training.run.recipe import FinetuneSettings

pytestmark = pytest.mark.slow

NORM = ("moving_mean", "moving_variance", "gamma", "beta")
UPPER = "block14_add"  # what learns lies above it: a small graph is traced in a second
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
LABELS = np.array([[1.0], [0.0]])


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return initial_weights_of_detector(
        publish_random(tmp_path_factory.mktemp("detectors") / "random")
    )


def is_upper(name):
    return name.startswith(("block15_", "head_"))


@pytest.mark.parametrize(
    ("frozen", "below"), [(True, UPPER), (False, "")], ids=["frozen", "the whole network learns"]
)
def test_batch_normalisation_stays_as_it_was_if_it_is_frozen(start, frozen, below):
    asked = FinetuneSettings(batch=2, rate=1e-2, frozen_norm=frozen, frozen_to=below)
    network, backbone, see = network_to_tune(start, Settings(asked, seed=0), steps=1)
    before = get_arrays(backbone)
    network.train_on_batch(see(PIXELS), LABELS)
    after = get_arrays(backbone)
    same = {name: np.array_equal(after[name], before[name]) for name in before if is_upper(name)}
    norms = [name for name in same if name.endswith(NORM)]
    assert norms and all(same[name] for name in norms) == frozen
    assert not all(same[name] for name in same if name.endswith("kernel"))


def test_layers_that_are_frozen_run_as_they_serve_and_stay_as_they_were(start):
    whole, _, see_all = network_to_tune(start, Settings(FinetuneSettings(), seed=0), steps=1)
    asked = FinetuneSettings(rate=1e-2, frozen_norm=True, frozen_to=UPPER)
    upper, backbone, see = network_to_tune(start, Settings(asked, seed=0), steps=1)
    upper.get_layer("frame").set_weights(whole.get_layer("frame").get_weights())
    np.testing.assert_allclose(
        upper.predict_on_batch(see(PIXELS)), whole.predict_on_batch(see_all(PIXELS)), atol=2e-3
    )
    before = get_arrays(backbone)
    upper.train_on_batch(see(PIXELS), LABELS)
    after = get_arrays(backbone)
    learned = {
        name.split("_")[0] for name in before if not np.array_equal(after[name], before[name])
    }
    assert learned == {"block15", "head"}


@pytest.mark.parametrize("gpus", [[], ["gpu:0"]], ids=["float32", "mixed precision"])
def test_what_was_broken_off_remembers_its_moments_and_its_averages(
    gpus, start, tmp_path, monkeypatch
):
    monkeypatch.setattr(accelerator, "_gpus", lambda: gpus)
    asked = FinetuneSettings(batch=2, rate=1e-2, frozen_norm=True, frozen_to=UPPER, average=0.5)
    with accelerator.accelerated():
        whole, _, see = network_to_tune(start, Settings(asked, seed=0), steps=3)
        for _ in range(2):
            whole.train_on_batch(see(PIXELS), LABELS)
        save_checkpoint(tmp_path, whole, FitState(2, 0, {}, []), "this")
        broken, _, _ = network_to_tune(start, Settings(asked, seed=0), steps=3)
        load_checkpoint(tmp_path, broken, "this")
        for network in (whole, broken):
            network.train_on_batch(see(PIXELS), LABELS)
        assert _equal(get_arrays(whole), get_arrays(broken))
        own = get_arrays(whole)
        with averaged(whole, 3), averaged(broken, 3):
            assert _equal(get_arrays(whole), get_arrays(broken))
            assert not _equal(get_arrays(whole), own)


def _equal(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_a_checkpoint_is_not_put_into_a_network_that_has_no_place_for_it(tmp_path):
    import keras

    def network():
        new = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        new.compile("adam", "mse")
        return new

    learned = network()
    learned.optimizer.build(learned.trainable_variables)
    save_checkpoint(tmp_path, learned, FitState(0, 0, {}, []), "this")
    with pytest.raises(ValueError, match="longer"):
        load_checkpoint(tmp_path, network(), "this")


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("block99_add", "no layer 'block99_add'; for example: block2_add"),
        ("block4_depthwise_conv", "something goes past block4_depthwise_conv"),
    ],
)
def test_a_network_is_cut_only_where_everything_goes_through(start, layer, said):
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
