import numpy as np
import pytest

from ddaemon.training.fitting.batches import draw_steps, epoch_batches
from ddaemon.training.fitting.data import Material


@pytest.fixture
def material():
    """Thirty videos of 1 to 5 steps; each vector says (video, step)."""
    lengths = np.array([1, 2, 3, 4, 5] * 6)
    starts = np.cumsum(lengths) - lengths
    vectors = np.array([(v, s) for v, n in enumerate(lengths) for s in range(n)], np.float16)
    fake, weights = np.arange(30) % 2 == 0, np.arange(30, dtype=np.float32)
    return Material(vectors, starts, lengths, fake, weights, np.zeros((0, 2), np.float16))


def test_an_epoch_is_one_pass_and_each_row_keeps_its_label_and_weight(material):
    batches = list(epoch_batches(material, 3, np.random.default_rng(0)))
    assert len(batches) == 10
    videos = np.concatenate([vectors[:, 0, 0] for vectors, _, _ in batches]).astype(int)
    assert sorted(videos) == list(range(30))
    labels = np.concatenate([labels[:, 0] for _, labels, _ in batches])
    np.testing.assert_array_equal(labels, material.fake[videos])
    np.testing.assert_array_equal(np.concatenate([w for _, _, w in batches]), videos)


def test_a_small_part_still_gives_ten_batches(material):
    assert len(list(epoch_batches(material, 30, np.random.default_rng(0)))) == 10


def test_lengths_differ_from_batch_to_batch_and_steps_stay_in_order_of_time(material):
    random = np.random.default_rng(0)
    found = [v for _ in range(5) for v, _, _ in epoch_batches(material, 2, random)]
    assert {vectors.shape[1] for vectors in found} == {1, 2, 3, 4, 5}
    for vectors in found:
        assert (np.diff(vectors[:, :, 1], axis=1) >= 0).all()
        assert (vectors[:, :, 0] == vectors[:, :1, 0]).all()


def test_no_step_is_drawn_twice_where_there_are_enough_and_none_is_left_out_where_not():
    random = np.random.default_rng(0)
    drawn = draw_steps(np.array([9, 4, 2, 1]), 4, random)
    assert len(set(drawn[0])) == 4
    assert drawn[1].tolist() == [0, 1, 2, 3]
    assert drawn[2].tolist() == [0, 0, 1, 1]
    assert drawn[3].tolist() == [0, 0, 0, 0]
    picked = np.unique([draw_steps(np.array([9]), 2, random) for _ in range(200)])
    assert picked.tolist() == list(range(9))
