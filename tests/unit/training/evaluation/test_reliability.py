import numpy as np
import pytest

from ddaemon.training.evaluation.reliability import (
    balanced_calibration_error,
    bin_places,
    calibration_error,
    reliability,
)


def test_honest_probabilities_have_next_to_no_error():
    random = np.random.default_rng(0)
    probabilities = random.random(20_000)
    fake = random.random(20_000) < probabilities
    assert calibration_error(probabilities, fake) < 0.02
    assert calibration_error(np.sqrt(probabilities), fake) > 0.1


def test_the_error_of_a_small_example_is_that_by_hand():
    probabilities = np.array([0.1, 0.2, 0.8, 0.8])
    fake = np.array([False, True, True, True])
    assert calibration_error(probabilities, fake, bins=2) == pytest.approx(
        (abs(0.15 - 0.5) + abs(0.8 - 1)) / 2
    )
    gaps = 0.1 * 1 + (0.2 - 1) / 3, 2 * (0.8 - 1) / 3  # a real weighs three times a fake
    assert balanced_calibration_error(probabilities, fake, bins=2) == pytest.approx(
        (abs(gaps[0]) + abs(gaps[1])) / 2
    )


def test_bins_hold_equally_many_videos():
    places = bin_places(np.random.default_rng(0).random(1500) ** 4)
    assert np.bincount(places).tolist() == [100] * 15


def test_equal_probabilities_share_a_bin_whatever_their_order():
    probabilities, fake = np.full(60, 0.5), np.arange(60) < 30
    assert reliability(probabilities, fake).videos.tolist() == [60]
    assert calibration_error(probabilities, fake) == pytest.approx(0)


def test_lopsided_data_separates_the_two_errors():
    fake = np.arange(1000) < 900
    probabilities = np.full(1000, 0.5)  # knows nothing, and says so
    assert calibration_error(probabilities, fake) == pytest.approx(0.4)
    assert balanced_calibration_error(probabilities, fake) == pytest.approx(0)
