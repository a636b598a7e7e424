from types import SimpleNamespace

import numpy as np
import pytest

from ddaemon.stages.base import Stage
from ddaemon.stages.facts import FaceSample, FaceTrack
from ddaemon.stages.features import Features

SIZE = 4


class Summing:
    """A detector whose vector is a crop's sums, and whose map is its pixels."""

    def __init__(self):
        self.batches = []

    def extract(self, crops):
        self.batches.append(len(crops))
        return crops.sum(axis=(1, 2)).astype(np.float32), crops.astype(np.float16)


def track(number, length):
    random = np.random.default_rng(number)
    crops = random.integers(0, 256, (length, SIZE, SIZE, 3)).astype(np.uint8)
    samples = (FaceSample(i, i / 25, (0, 0, 9, 9), crop) for i, crop in enumerate(crops))
    return FaceTrack(number, tuple(samples), len(crops))


def run(tracks, batch):
    detector, told = Summing(), []
    context = SimpleNamespace(
        settings=SimpleNamespace(features=SimpleNamespace(batch=batch)),
        detector=detector,
        facts={"faces": tracks},
        progress=told.append,
    )
    return Features().run(context)["features"], detector.batches, told


def test_it_is_a_stage():
    assert isinstance(Features(), Stage)


@pytest.mark.parametrize("batch", [1, 3, 4, 512])
def test_batches_say_the_same_as_faces_alone(batch):
    tracks = [track(0, 5), track(3, 1), track(1, 6)]
    features, _, _ = run(tracks, batch)
    assert [entry.track for entry in features] == [0, 3, 1]
    for entry, source in zip(features, tracks, strict=True):
        crops = np.stack([sample.crop for sample in source.samples])
        np.testing.assert_array_equal(entry.vectors, crops.sum(axis=(1, 2)))
        np.testing.assert_array_equal(entry.maps, crops)


def test_batches_go_across_tracks():
    _, batches, _ = run([track(0, 5), track(1, 1), track(2, 6)], batch=4)
    assert batches == [4, 4, 4]


def test_progress_rises_to_one():
    _, _, told = run([track(0, 5), track(1, 4)], batch=4)
    assert told == sorted(told)
    assert told[-1] == 1.0
