import numpy as np
import pytest
from pydantic import ValidationError

from ddaemon.stages.networks.calibrate import apply_calibration
from ddaemon.storage.detector_record import CalibrationRecord
from ddaemon.storage.errors import UserError
from ddaemon.training.evaluation.calibration import (
    choose_thresholds,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    wilson_interval,
)
from ddaemon.training.evaluation.reliability import balanced_calibration_error


def scaled(logits, scale):
    slope, offset = scale
    return 1 / (1 + np.exp(-slope * logits - offset))


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


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_every_kind_calibrates_well_whatever_the_shares(kind):
    logits, fake = drawn(reals=1500, fakes=6000)
    record = fit_calibration(kind, logits, fake, logits, fake)
    assert balanced_calibration_error(apply_calibration(logits, record), fake) < 0.03
    assert balanced_calibration_error(scaled(logits, (10.0, 0.0)), fake) > 0.05


def test_the_temperature_is_the_one_that_cooled_the_logits():
    logits, fake = drawn()
    assert fit_temperature(logits * 6, fake) == (pytest.approx(1 / 3, abs=0.02), 0)


@pytest.mark.parametrize("kind", ["platt", "temperature", "isotonic"])
def test_fakes_that_are_there_thrice_change_nothing(kind):
    logits, fake = drawn(reals=500, fakes=500)
    logits = logits + 1.5
    often = np.where(fake, 3, 1)
    once = fit_calibration(kind, logits, fake, logits, fake)
    thrice = fit_calibration(kind, *(np.repeat(x, often) for x in (logits, fake)), logits, fake)
    at = np.linspace(-1, 3, 9)
    assert apply_calibration(at, thrice) == pytest.approx(apply_calibration(at, once), abs=0.01)


def test_a_temperature_turns_no_score_around():
    logits, fake = drawn(reals=200, fakes=200)
    slope, _ = fit_temperature(-logits, fake)
    assert slope == pytest.approx(0.01)


def test_isotonic_probabilities_rise_and_are_never_certain():
    logits, fake = drawn(reals=300, fakes=100)
    record = fit_calibration("isotonic", logits, fake, logits[::2], fake[::2])
    probability = apply_calibration(np.linspace(-30, 30, 999), record)
    assert np.all(np.diff(probability) >= 0)
    assert probability.min() == pytest.approx(1 / 402)
    assert probability.max() == pytest.approx(401 / 402)
    assert 10 < len(record.knots) <= 50
    assert len(fit_isotonic(*drawn())) <= 50


def test_between_knots_the_probability_is_linear_and_frames_have_their_own():
    knots, frame_knots = ((0.0, 0.2), (2.0, 0.8)), ((0.0, 0.4), (1.0, 0.5))
    record = CalibrationRecord(
        kind="isotonic", slope=1, offset=0, frame_slope=1, frame_offset=0,
        knots=knots, frame_knots=frame_knots,
    )  # fmt: skip
    logits = np.array([-9.0, 0.5, 9.0])
    assert apply_calibration(logits, record) == pytest.approx([0.2, 0.35, 0.8])
    assert apply_calibration(logits, record, frame=True) == pytest.approx([0.4, 0.45, 0.5])


def test_a_record_survives_json():
    logits, fake = drawn(reals=100, fakes=100)
    record = fit_calibration("isotonic", logits, fake, logits, fake)
    assert CalibrationRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("kind", "knots"),
    [
        ("isotonic", ()),
        ("platt", ((0.0, 0.5), (1.0, 0.6))),
        ("isotonic", ((0.0, 0.5), (0.0, 0.6))),
        ("isotonic", ((0.0, 0.5), (1.0, 0.4))),
        ("isotonic", ((0.0, 0.5), (1.0, 1.4))),
    ],
)
def test_knots_that_make_no_sense_are_refused(kind, knots):
    with pytest.raises(ValidationError, match="knots"):
        CalibrationRecord(
            kind=kind, slope=1, offset=0, frame_slope=1, frame_offset=0,
            knots=knots, frame_knots=knots,
        )  # fmt: skip


def test_other_rates_move_the_thresholds():
    logits, fake = drawn(reals=1000, fakes=1000)
    probabilities = scaled(logits, (2.0, 0.0))
    strict = choose_thresholds(probabilities, fake, "drawn", 0.01, 0.02)
    assert 0.005 < strict.false_positive_rate <= 0.01
    assert 0.015 < strict.false_negative_rate <= 0.02


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_thresholds_keep_the_promised_rates(dtype):
    logits, fake = drawn(reals=500, fakes=900)
    probabilities = scaled(logits, (2.0, 0.0)).astype(dtype)
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


@pytest.mark.parametrize(
    "use",
    [
        fit_platt,
        fit_temperature,
        fit_isotonic,
        lambda *args: choose_thresholds(*args, "nothing"),
    ],
)
def test_one_label_alone_is_refused(use):
    with pytest.raises(UserError, match="both"):
        use(np.array([0.1, 0.2]), np.array([True, True]))
