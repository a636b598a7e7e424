import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.evaluation.bootstrap import draw_groups, with_intervals


def interval(groups, fake, values, seed=0):
    draws = draw_groups(groups, fake, seed, 400)
    figures = with_intervals(lambda w: {"mean": w @ values / w.sum(axis=1)}, draws)
    return figures["mean"]


def test_groups_are_drawn_whole():
    fake = np.arange(60) % 2 == 0
    groups = [str(place // 6) for place in range(60)]
    draws = draw_groups(groups, fake, 0, 50)
    weights = np.concatenate(list(draws.weights()))
    assert weights.shape == (50, 60)
    assert np.all(weights.reshape(50, 10, 6) == weights.reshape(50, 10, 6)[:, :, :1])
    assert np.all(weights[:, ::6].sum(axis=1) == 10)


def test_few_groups_make_a_wider_interval_than_as_many_independent_videos():
    random = np.random.default_rng(0)
    fake = np.arange(400) % 2 == 0
    values = np.repeat(random.normal(0, 1, 10), 40) + random.normal(0, 0.1, 400)
    few = interval([str(place // 40) for place in range(400)], fake, values)["interval"]
    many = interval([str(place) for place in range(400)], fake, values)["interval"]
    assert few[1] - few[0] > 3 * (many[1] - many[0])


def test_an_interval_covers_the_truth_about_as_often_as_it_claims():
    covered = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(0, 1, 60)
        low, high = interval([str(i) for i in range(60)], values > 0, values, seed)["interval"]
        covered += low <= 0 <= high
    assert 86 <= covered <= 100


def test_a_draw_without_both_labels_is_drawn_again_and_counted():
    fake = np.arange(12) == 0  # in a third of the draws no fake
    draws = draw_groups([str(i) for i in range(12)], fake, 0, 200)
    assert all((weights[:, fake].sum(axis=1) > 0).all() for weights in draws.weights())
    assert 50 < draws.redrawn < 180


def test_too_few_groups_give_a_value_but_no_interval():
    fake = np.arange(40) < 20
    figure = interval(["a"] * 20 + [str(i) for i in range(20)], fake, np.ones(40))
    assert figure["value"] == 1
    assert figure["interval"] is None
    assert "5 groups with fake videos, here are 1" in figure["reason"]


def test_the_interval_of_a_biased_figure_holds_its_value():
    fake = np.arange(40) < 20
    draws = draw_groups([str(i) for i in range(40)], fake, 0, 100)
    values = np.where(fake, 1.0, -1.0)
    figure = with_intervals(
        lambda w: {"gap": abs(w @ values) / 40 + 0.01 * (w != 1).any(axis=1)}, draws
    )["gap"]
    assert figure["value"] == figure["interval"][0] == 0  # a draw's gap is hardly ever 0


def test_a_seed_draws_the_same_again():
    fake = np.arange(40) < 20
    first, again, other = (
        draw_groups([str(i) for i in range(40)], fake, seed, 20).counts for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_one_label_alone_is_no_report():
    with pytest.raises(UserError, match="both"):
        draw_groups(["a", "b"], np.array([True, True]), 0, 10)
