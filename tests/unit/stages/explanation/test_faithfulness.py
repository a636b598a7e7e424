"""A check that a right map passes, a wrong one fails, and chance passes as seldom as it says."""

import numpy as np
import pytest

from ddaemon.stages.explanation.activation import grad_cam
from ddaemon.stages.explanation.blurring import blend_cells, blur_face, occlusion
from ddaemon.stages.explanation.faithfulness import (
    ORDERS,
    STEPS,
    Curves,
    Faithfulness,
    as_record,
    check_heats,
    hottest_first,
)
from ddaemon.tests.unit.stages.evidence import StripeDetector, grey_face, with_evidence

GRID = (4, 4)
CELLS = [(0, 3, 90), (1, 3, 60), (3, 0, 30)]


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def crop():
    return with_evidence(grey_face(), CELLS)


@pytest.fixture
def judge(crop):
    """The probability of a video of two frames whose second is exchanged."""
    detector = StripeDetector()
    vectors, _ = detector.extract(np.stack([grey_face(), crop]))
    return lambda crops: detector.judge_exchanged(vectors, 1, detector.extract(crops)[0])


def heat_of(crop):
    vectors, maps = StripeDetector().extract(crop[None])
    return grad_cam(maps[0], StripeDetector().judge(vectors).gradient[0])


def test_a_map_of_the_true_evidence_is_better_than_chance(crop, judge):
    found = check_heats([heat_of(crop)], crop, judge, rng())[0]
    assert found.better_than_chance
    assert found.deletion < np.mean(found.random) < found.insertion


def test_the_same_map_turned_round_is_not(crop, judge):
    found = check_heats([heat_of(crop)[::-1, ::-1].copy()], crop, judge, rng())[0]
    assert not found.better_than_chance
    assert "No better than chance" in as_record(found)["text"]


def test_a_map_that_is_right_in_one_way_only_is_not_better_than_chance():
    assert not Faithfulness(0.1, 0.5, (0.4, 0.6)).better_than_chance
    assert not Faithfulness(0.5, 0.9, (0.4, 0.6)).better_than_chance
    assert Faithfulness(0.1, 0.9, (0.4, 0.6)).better_than_chance
    assert not Faithfulness(0.4, 0.6, (0.4, 0.6)).better_than_chance  # as good is not better


def test_random_maps_pass_no_more_often_than_the_rule_says():
    """Each cell has an effect of its own, which goes with its detail."""
    crop, effects = grey_face(32), rng(3).normal(0, 1, 16)

    def judge(crops):
        cells = crops[..., 0].reshape(-1, 4, 8, 4, 8).swapaxes(2, 3).reshape(-1, 16, 64)
        return 1 / (1 + np.exp(-(cells.std(axis=2) / 20) @ effects))

    heats = [rng((1, seed)).random(GRID).astype(np.float32) for seed in range(200)]
    found = [check_heats([heat], crop, judge, rng((2, i)))[0] for i, heat in enumerate(heats)]
    assert 2 <= sum(one.better_than_chance for one in found) <= 200 / (ORDERS + 1)


def test_insertion_is_deletion_in_the_reverse_order_read_backwards(crop, judge):
    order, blurred = rng(4).permutation(16), blur_face(crop)
    shown = [blend_cells(crop, blurred, order[end:], GRID) for end in range(0, 17, 2)]
    curve = judge(np.stack(shown))
    expected = np.trapezoid(curve, dx=1 / STEPS)
    found = Curves(crop, GRID, judge).areas([order[::-1]])[0]
    assert found == pytest.approx(float(expected), abs=1e-3)


def test_cells_that_the_map_leaves_cold_come_last_in_a_random_order():
    heat = np.zeros(GRID, np.float32)
    heat[1, 2], heat[3, 0] = 1, 0.5
    orders = [hottest_first(heat, rng(seed).permutation(16)) for seed in range(20)]
    assert all(order[:2].tolist() == [6, 12] for order in orders)
    assert len({tuple(order[2:]) for order in orders}) == 20


def test_an_empty_map_and_one_of_a_single_cell_are_not_checked(crop, judge):
    empty = np.zeros(GRID, np.float32)
    assert check_heats([empty], crop, judge, rng()) == [None]
    assert check_heats([np.ones((1, 1), np.float32)], crop, judge, rng()) == [None]
    found = check_heats([heat_of(crop), empty], crop, judge, rng())
    assert found[0] is not None and found[1] is None
    assert as_record(None) is None


def test_two_maps_of_a_face_are_held_against_the_same_random_orders(crop, judge):
    one, other = check_heats([heat_of(crop), heat_of(crop).T.copy()], crop, judge, rng())
    assert len(one.random) == ORDERS and other.random == one.random[: len(other.random)]
    assert one.deletion != other.deletion


def test_no_order_is_tried_after_the_first_that_does_as_well_as_the_map(crop, judge):
    """And the answer is that of all of them."""
    counts, passes = [], []

    def counted(crops):
        passes.append(len(crops))
        return judge(crops)

    for seed in range(20):
        heat = rng((5, seed)).random(GRID).astype(np.float32)
        passes.clear()
        found = check_heats([heat], crop, counted, rng(seed))[0]
        drawn = rng(seed)
        every = Curves(crop, GRID, judge).areas([drawn.permutation(16) for _ in range(ORDERS)])
        better = [found.deletion < area < found.insertion for area in every]
        assert found.better_than_chance == all(better)
        tried = ORDERS if all(better) else better.index(False) + 1
        assert found.random == pytest.approx(every[:tried])
        assert sum(passes) == 2 + (2 + tried) * (STEPS - 1)
        counts.append(tried)
    assert min(counts) == 1 and len(set(counts)) > 1


def test_the_figures_of_a_map_do_not_hang_on_which_others_are_checked(crop, judge):
    sparse = np.zeros(GRID, np.float32)
    sparse[0, 3] = 1
    alone = check_heats([sparse], crop, judge, rng())
    assert check_heats([heat_of(crop), sparse], crop, judge, rng())[1:] == alone


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_any_grid_can_be_checked(rows):
    crop = with_evidence(grey_face(56), [(0, rows - 1, 90)], rows)
    detector = StripeDetector(rows)
    vectors, maps = detector.extract(crop[None])
    heat = grad_cam(maps[0], detector.judge(vectors).gradient[0])
    found = check_heats([heat], crop, lambda c: detector.judge_exchanged(
        vectors, 0, detector.extract(c)[0]), rng())[0]  # fmt: skip
    assert found.deletion < np.mean(found.random) < found.insertion


def test_the_areas_lie_between_the_probabilities_of_the_face_and_its_blur(crop, judge):
    found = as_record(check_heats([heat_of(crop)], crop, judge, rng())[0])
    blurred, whole = judge(np.stack([blur_face(crop), crop]))
    for name in ("deletion", "insertion", "random_deletion", "random_insertion"):
        assert 0 < blurred < found[name] < whole < 1
    assert f"{found['deletion']:.4f}" in found["text"]


def test_blurring_takes_the_chosen_cells_and_leaves_the_others(crop):
    black = np.zeros_like(crop)
    mixed = blend_cells(crop, black, np.array([0, 5]), GRID)
    middle = [(slice(16 * r + 7, 16 * r + 9), slice(16 * c + 7, 16 * c + 9)) for r, c in
              ((0, 0), (1, 1), (2, 2), (0, 3))]  # fmt: skip
    assert all(mixed[place].max() <= 2 for place in middle[:2])
    assert all(np.array_equal(mixed[place], crop[place]) for place in middle[2:])


def test_occlusion_finds_the_cells_whose_blur_lowers_the_verdict(crop, judge):
    heat = occlusion(crop, GRID, judge)
    assert heat.shape == GRID and heat.min() >= 0
    assert np.argsort(-heat.ravel())[:2].tolist() == [3, 7]
    assert check_heats([heat], crop, judge, rng())[0].better_than_chance
