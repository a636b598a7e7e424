import numpy as np
import pytest

from ddaemon.stages.networks.head import Head
from ddaemon.stages.training.evaluation.auc import auc
from ddaemon.stages.training.head_fit import FitSettings, fit_head

WIDTH, VIEWS = 6, 5
SETTINGS = FitSettings(
    units=4, attention_units=4, dropout=0.0, rate=3e-2, batch=64, steps=40, epochs=6, seed=1
)
FRAME = {
    "frame/kernel": np.eye(WIDTH, 1, dtype=np.float32),
    "frame/bias": np.zeros(1, np.float32),
}


def videos(count, seed):
    """The first number tells fake from real, but lies where the last one says that it is spoilt."""
    random = np.random.default_rng(seed)
    fake = random.random(count) < 0.5
    vectors = random.normal(0, 0.3, (count, VIEWS, WIDTH))
    vectors[:, :, 0] += np.where(fake, 1, -1)[:, None]
    spoilt = random.random((count, VIEWS)) < 0.5
    vectors[:, :, 0] = np.where(spoilt, random.normal(0, 4, spoilt.shape), vectors[:, :, 0])
    vectors[:, :, -1] = spoilt
    return vectors.astype(np.float16), fake


def fit(settings=SETTINGS):
    return fit_head(*videos(600, 0), *videos(200, 1), FRAME, settings)


@pytest.fixture(scope="module")
def fitted():
    return fit()


def logits(head, vectors):
    return np.array([head.run(video.astype(np.float32)).logit for video in vectors])


def test_the_head_learns_which_frames_to_trust(fitted):
    vectors, fake = videos(400, 2)
    head = Head(fitted.arrays)
    plain = auc(vectors[:, :, 0].mean(axis=1), fake)
    assert auc(logits(head, vectors), fake) > plain + 0.05
    outputs = [head.run(video.astype(np.float32)) for video in vectors]
    attention = np.stack([output.attention for output in outputs])
    spoilt = vectors[:, :, -1] > 0.5
    assert attention[spoilt].mean() < attention[~spoilt].mean() / 2


def test_what_a_frame_says_alone_is_left_as_it_was(fitted):
    np.testing.assert_array_equal(fitted.arrays["frame/kernel"], FRAME["frame/kernel"])


def test_the_best_epoch_is_kept(fitted):
    vectors, fake = videos(200, 1)
    assert fitted.aucs[fitted.epoch] == max(fitted.aucs)
    assert auc(logits(Head(fitted.arrays), vectors), fake) == pytest.approx(
        max(fitted.aucs), abs=2e-3
    )


def test_epoch_0_is_the_plain_mean(fitted):
    vectors, fake = videos(200, 1)
    plain = auc(vectors[:, :, 0].astype(np.float32).mean(axis=1), fake)
    assert fitted.aucs[0] == pytest.approx(plain, abs=2e-3)


def test_a_seed_gives_the_same_weights_again(fitted):
    again = fit()
    assert again.aucs == fitted.aucs
    for name, array in fitted.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
