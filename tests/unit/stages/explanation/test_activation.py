"""The maps are what their papers define, given a pooled vector and a head over it."""

import numpy as np
import pytest

from ddaemon.stages.explanation.activation import enlarge_heat, grad_cam, grad_cam_plus_plus


def test_the_map_is_the_gradient_weighted_sum_cut_at_zero() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 5, 3)).astype(np.float32)
    gradient = rng.normal(size=3).astype(np.float32)
    slow = np.array([[max(0, sum(maps[r, c] * gradient) / 10) for c in range(5)] for r in range(2)])
    assert np.allclose(grad_cam(maps, gradient), slow, atol=1e-6)


def test_it_equals_the_derivative_of_the_logit_through_the_pooling() -> None:
    rng = np.random.default_rng(1)
    maps, weights = rng.normal(size=(3, 3, 4)), rng.normal(size=4)

    def logit(m: np.ndarray) -> float:
        return float(np.tanh(m.mean(axis=(0, 1)) @ weights))

    step = 1e-6
    numeric = np.zeros_like(maps)
    for place in np.ndindex(maps.shape):
        moved = maps.copy()
        moved[place] += step
        numeric[place] = (logit(moved) - logit(maps)) / step
    alpha = numeric.mean(axis=(0, 1))  # as the paper has it
    vector_gradient = (1 - logit(maps) ** 2) * weights
    expected = np.maximum(maps @ alpha, 0)
    found = grad_cam(maps.astype(np.float32), vector_gradient.astype(np.float32))
    assert np.allclose(found, expected, atol=1e-4)


def test_grad_cam_plus_plus_is_the_papers_formula_place_by_place() -> None:
    """Chattopadhay et al. 2018 with Y = exp(S), written out with nothing put in for anything."""
    rng = np.random.default_rng(2)
    maps, weights = rng.uniform(0, 6, (3, 5, 4)), rng.normal(size=4)
    places = maps.shape[0] * maps.shape[1]
    score = maps.mean(axis=(0, 1)) @ weights
    first = np.broadcast_to(weights / places, maps.shape)  # dS/dA
    alpha = first**2 / (2 * first**2 + first**3 * maps.sum(axis=(0, 1)))
    channel = (alpha * np.maximum(np.exp(score) * first, 0)).sum(axis=(0, 1))
    expected = np.maximum(maps @ channel, 0) / np.exp(score)
    found = grad_cam_plus_plus(maps.astype(np.float32), weights.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_grad_cam_plus_plus_does_not_subtract_what_speaks_against_a_fake() -> None:
    maps = np.zeros((2, 2, 2), np.float32)
    maps[0, 0], maps[1, 1] = (1, 3), (1, 0)
    gradient = np.array([1, -1], np.float32)
    assert grad_cam(maps, gradient)[0, 0] == 0 and grad_cam(maps, gradient)[1, 1] > 0
    plus = grad_cam_plus_plus(maps, gradient)
    assert plus[0, 0] == plus[1, 1] > 0


def test_a_channel_counts_less_the_more_it_contributes() -> None:
    maps = np.zeros((2, 2, 2), np.float32)
    maps[0, 0, 0], maps[1, 1, 1] = 40, 40
    maps[0, 1, 1] = 80
    gradient = np.ones(2, np.float32)
    heat, plus = grad_cam(maps, gradient), grad_cam_plus_plus(maps, gradient)
    assert heat[0, 0] == heat[1, 1] and plus[0, 0] > plus[1, 1]


def test_where_no_channel_speaks_for_a_fake_there_is_no_heat() -> None:
    maps = np.random.default_rng(0).uniform(0, 1, (2, 2, 3)).astype(np.float32)
    for method in (grad_cam, grad_cam_plus_plus):
        assert not method(maps, np.full(3, -1, np.float32)).any()


def test_a_channel_for_which_the_formula_means_nothing_is_left_out() -> None:
    maps = np.full((2, 2, 1), -3, np.float32)
    heat = grad_cam_plus_plus(maps, np.array([1.0], np.float32))
    assert np.isfinite(heat).all() and not heat.any()


@pytest.mark.parametrize("place", [(0, 0), (1, 3), (3, 2)])
def test_the_drawn_peak_lies_in_the_hottest_cell(place: tuple[int, int]) -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[place] = 1
    full = enlarge_heat(heat, 64, 64)
    row, column = np.unravel_index(full.argmax(), full.shape)
    assert (row // 16, column // 16) == place
