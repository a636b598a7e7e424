import numpy as np
import pytest

from ddaemon.stages.media.encode import through_h264
from ddaemon.training.forgery.clips import read_portrait


def loss(image, crf):
    return np.abs(through_h264(image, crf).astype(int) - image).mean()


def test_a_higher_factor_leaves_less_of_a_face():
    face = read_portrait()[48:192, 152:296]
    losses = [loss(face, crf) for crf in (18, 24, 30, 38)]
    assert losses == sorted(losses)
    assert losses[0] < 4 < losses[-1]


@pytest.mark.parametrize("shape", [(160, 160), (51, 64), (64, 51), (35, 35)])
def test_a_frame_of_any_side_keeps_its_shape(shape):
    face = np.full((*shape, 3), (200, 90, 40), np.uint8)
    seen = through_h264(face, 23)
    assert seen.shape == face.shape
    assert np.abs(seen.astype(int) - face).max() < 12
