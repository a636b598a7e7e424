import numpy as np
import pytest

from ddaemon.stages.training.evaluation.calibration import (
    apply_platt,
    calibration_error,
    choose_thresholds,
    fit_platt,
    wilson_interval,
)
from ddaemon.storage.errors import UserError


def drawn(reals=4000, fakes=4000, seed=0):
    """Logits of two normal distributions: the true probability is sigmoid(2 x)."""
    random = np.random.default_rng(seed)
    logits = np.concatenate([random.normal(-1, 1, reals), random.normal(1, 1, fakes)])
    return logits, np.arange(reals + fakes) >= reals


def test_platt_scaling_finds_the_true_slope():
    slope, offset = fit_platt(*drawn())
    assert slope == pytest.approx(2, abs=0.15)
    assert offset == pytest.approx(0, abs=0.1)


def test_platt_scaling_does_not_see_how_many_are_fake():
    _, even = fit_platt(*drawn())
    _, lopsided = fit_platt(*drawn(reals=800, fakes=8000))
    assert lopsided == pytest.approx(even, abs=0.25)  # the odds alone would move it by 2.3


def test_scaled_logits_are_well_calibrated():
    logits, fake = drawn()
    assert calibration_error(apply_platt(logits, fit_platt(logits, fake)), fake) < 0.03
    assert calibration_error(apply_platt(logits, (10.0, 0.0)), fake) > 0.05


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_thresholds_keep_the_promised_rates(dtype):
    logits, fake = drawn(reals=500, fakes=900)
    probabilities = apply_platt(logits, (2.0, 0.0)).astype(dtype)
    chosen = choose_thresholds(probabilities, fake, "drawn numbers")
    assert 0.04 < chosen.false_positive_rate <= 0.05
    assert 0.09 < chosen.false_negative_rate <= 0.10
    assert np.mean(probabilities[~fake].astype(float) >= chosen.fake) == chosen.false_positive_rate
    assert chosen.real < chosen.fake
    assert chosen.videos == 1400
    low, high = chosen.false_positive_interval
    assert low < chosen.false_positive_rate < high


def test_thresholds_of_a_perfect_detector_do_not_cross():
    probabilities = np.concatenate([np.linspace(0, 0.2, 100), np.linspace(0.8, 1, 100)])
    chosen = choose_thresholds(probabilities, np.arange(200) >= 100, "drawn numbers")
    assert chosen.real < chosen.fake
    assert chosen.false_positive_rate <= 0.05


def test_equal_scores_do_not_break_a_promise():
    probabilities = np.full(200, 0.5)
    chosen = choose_thresholds(probabilities, np.arange(200) >= 100, "drawn numbers")
    assert (chosen.false_positive_rate, chosen.false_negative_rate) == (0, 0)
    assert chosen.inconclusive_rate == 1


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (1, 1, 0.2065, 1)],
)
def test_intervals_are_those_of_wilson(hits, of, low, high):
    assert wilson_interval(hits, of) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("use", [fit_platt, lambda *args: choose_thresholds(*args, "nothing")])
def test_one_label_alone_is_refused(use):
    with pytest.raises(UserError, match="both"):
        use(np.array([0.1, 0.2]), np.array([True, True]))
