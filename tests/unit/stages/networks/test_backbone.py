import numpy as np
import openvino as ov
import pytest

from ddaemon.stages.faces import resize_square
from ddaemon.stages.networks import devices
from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.backbone import (
    KerasBackbone,
    OpenVinoBackbone,
    normalise,
    open_backbone,
)
from ddaemon.stages.networks.description import describe
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.networks.openvino_graph import build_graph
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.registry import Registry
from ddaemon.tests.unit.stages.networks.random_detector import SIZE, draft, random_backbone
from ddaemon.tests.unit.stages.networks.sharing import shared_with
from ddaemon.training.features.initial_weights import initial_weights_of_detector
from ddaemon.training.forgery.clips import read_portrait

PREPROCESSING = draft("any").preprocessing
MOST_LOGIT = 1e-3  # of a sequence; a probability near 0.5 moves by a quarter of that


@pytest.fixture(scope="module")
def network():
    return random_backbone()


@pytest.fixture(scope="module", params=["openvino", "tensorflow", "shared"])
def opened(request, network):
    """An engine for a way of preparing pictures."""

    def opened(preprocessing):
        if request.param == "tensorflow":
            return KerasBackbone(network, preprocessing)
        own = OpenVinoBackbone(describe(network), get_arrays(network), preprocessing, threads=1)
        return own if request.param == "openvino" else shared_with(own, SIZE).link()

    return opened


@pytest.fixture(scope="module")
def engine(opened):
    return opened(PREPROCESSING)


def crops(count):
    return np.random.default_rng(count).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)


def test_an_engine_gives_vectors_and_maps(engine):
    vectors, maps = engine.run(crops(3))
    assert (vectors.shape, vectors.dtype) == ((3, 1280), np.float32)
    assert (maps.shape, maps.dtype) == ((3, 2, 2, 1280), np.float16)
    np.testing.assert_allclose(maps.astype(np.float32).mean(axis=(1, 2)), vectors, atol=5e-3)


def test_an_engine_computes_what_the_network_does(engine, network):
    _, expected = network(normalise(crops(3), PREPROCESSING), training=False)
    np.testing.assert_allclose(engine.run(crops(3))[0], np.asarray(expected), atol=1e-4)


def test_an_engine_takes_pixels_that_do_not_lie_in_a_row(engine):
    every_other = crops(4)[::2]
    expected, _ = engine.run(every_other.copy())
    np.testing.assert_array_equal(engine.run(every_other)[0], expected)


def test_maps_are_rounded_to_float16_in_the_network_as_numpy_rounds_them(network):
    seeing = OpenVinoBackbone(describe(network), get_arrays(network), PREPROCESSING, threads=1)
    graph = build_graph(describe(network), get_arrays(network))
    plain = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    maps = plain(normalise(crops(2), PREPROCESSING))["maps"]
    found = seeing.run(crops(2))[1].astype(np.float32)
    np.testing.assert_allclose(found, maps, rtol=2**-10, atol=1e-5)


def test_the_bundled_detector_says_the_same_through_keras_and_openvino():
    folder = Registry.of_bundled().active()
    start, detector = initial_weights_of_detector(folder), load_detector(folder, FeaturesSettings())
    side = start.preprocessing.size
    face = resize_square(read_portrait(), side)
    faces = np.stack([face, face[:, ::-1], np.roll(face, 9, axis=1), face // 2])
    serving = OpenVinoBackbone(start.description, start.arrays, start.preprocessing, threads=1)
    logits = [
        detector.judge(engine.run(faces)[0]).logit
        for engine in (serving, KerasBackbone(start.network(), start.preprocessing))
    ]
    assert abs(logits[0] - logits[1]) < MOST_LOGIT


def test_a_batch_says_the_same_as_its_faces_alone(engine):
    together, _ = engine.run(crops(5))
    alone = np.concatenate([engine.run(crop[None])[0] for crop in crops(5)])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_keras_sees_few_sizes_of_batches_whatever_jobs_bring(monkeypatch, network):
    keras = KerasBackbone(network, PREPROCESSING)
    sizes, predict = set(), keras._network.predict_on_batch

    def noting(pixels):
        sizes.add(len(pixels))
        return predict(pixels)

    monkeypatch.setattr(keras._network, "predict_on_batch", noting)
    alone = keras.run(crops(1))[0]
    for count in range(2, 18):
        vectors, maps = keras.run(np.repeat(crops(1), count, axis=0))
        assert len(maps) == count
        np.testing.assert_allclose(vectors, np.repeat(alone, count, axis=0), atol=1e-4)
    assert sizes == {1, 2, 4, 8, 16, 32}


def test_mirrored_a_face_and_its_mirror_image_are_the_same(engine, opened):
    both = opened(PREPROCESSING.model_copy(update={"mirrored": True}))
    vectors, maps = both.run(crops(2))
    turned, turned_maps = both.run(crops(2)[:, :, ::-1])
    np.testing.assert_allclose(turned, vectors, atol=1e-4)
    np.testing.assert_allclose(turned_maps[:, :, ::-1].astype(float), maps, atol=5e-3)
    plain, mirror = engine.run(crops(2))[0], engine.run(crops(2)[:, :, ::-1])[0]
    assert np.abs(plain - mirror).max() > 0.01
    np.testing.assert_allclose(vectors, (plain + mirror) / 2, atol=1e-4)
    np.testing.assert_allclose(maps.astype(np.float32).mean(axis=(1, 2)), vectors, atol=5e-3)


def test_what_an_engine_gave_does_not_change_when_it_runs_again(engine):
    vectors, maps = engine.run(crops(2))
    before = vectors.copy(), maps.copy()
    engine.run(255 - crops(2))
    np.testing.assert_array_equal(vectors, before[0])
    np.testing.assert_array_equal(maps, before[1])


def test_colours_are_scaled_as_the_record_says():
    record = PREPROCESSING.model_copy(update={"mean": (0.0, 10.0, 20.0), "std": (1.0, 2.0, 5.0)})
    pixels = np.full((1, 1, 1, 3), 30, np.uint8)
    np.testing.assert_allclose(normalise(pixels, record)[0, 0, 0], [30, 10, 2])


@pytest.mark.parametrize(("gpu", "engine"), [(True, "tensorflow"), (False, "openvino")])
def test_the_device_decides_the_engine(monkeypatch, network, gpu, engine):
    monkeypatch.setattr(devices, "wants_gpu", lambda _: gpu)
    opened = open_backbone(
        FeaturesSettings(),
        PREPROCESSING,
        lambda: network,
        lambda: (describe(network), get_arrays(network)),
    )
    assert opened.engine == engine
