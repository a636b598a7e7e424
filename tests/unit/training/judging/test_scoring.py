import numpy as np
import pytest

from ddaemon.stages.networks.head import Head
from ddaemon.stages.networks.head_network import build_head_network, head_arrays
from ddaemon.training.features.sequences import write_sequences
from ddaemon.training.judging.scoring import score_means, score_videos

WIDTH = 6


@pytest.fixture(scope="module")
def head():
    network = build_head_network(WIDTH, 3, 2)
    random = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(random.normal(0, 0.5, variable.shape))
    return Head(head_arrays(network))


@pytest.fixture
def sequences(tmp_path):
    random = np.random.default_rng(2)
    videos = [
        [random.normal(0, 1, (steps, WIDTH)).astype(np.float16) for steps in persons]
        for persons in ((4, 2), (3,), (1, 5))
    ]
    return write_sequences(tmp_path, videos, 15, WIDTH)


def logits(head, sequences):
    return [head.run(np.asarray(sequences[n], np.float32)).logit for n in range(len(sequences))]


def test_a_video_is_as_fake_as_its_most_suspicious_person(head, sequences):
    alone = logits(head, sequences)
    scores = score_videos(sequences, [0, 1, 2], head, "none")
    expected = [max(alone[:2]), alone[2], max(alone[3:])]
    np.testing.assert_allclose(scores.whole, expected, rtol=1e-6)


def test_videos_are_scored_in_the_order_asked_for(head, sequences):
    there = score_videos(sequences, [0, 2], head, "none")
    back = score_videos(sequences, [2, 0], head, "none")
    np.testing.assert_allclose(there.whole, back.whole[::-1])


def test_each_frame_belongs_to_its_video(head, sequences):
    scores = score_videos(sequences, [2, 1], head, "none")
    assert scores.owner.tolist() == [0] * 6 + [1] * 3
    assert len(scores.frames) == 9


def test_pooling_judges_the_mean_vector(head, sequences):
    scores = score_videos(sequences, [1], head, "mean")
    mean = np.asarray(sequences[2], np.float32).mean(axis=0, keepdims=True)
    assert scores.whole[0] == pytest.approx(head.run(mean).logit, abs=1e-5)


def test_a_linear_classifier_sees_each_persons_mean(sequences):
    kernel = np.arange(WIDTH, dtype=np.float32)[:, None]
    found = score_means(sequences, [0], kernel, 0.5)
    means = [np.asarray(sequences[n], np.float32).mean(axis=0) for n in (0, 1)]
    assert found[0] == pytest.approx(max(float(mean @ kernel[:, 0]) + 0.5 for mean in means))
