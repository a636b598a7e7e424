import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from ddaemon.training.evaluation.ranking import (
    Ranking,
    area,
    average_precision,
    equal_error_rate,
    found_at,
)


def drawn(videos=400, ties=False, seed=0):
    random = np.random.default_rng(seed)
    fake = random.random(videos) < 0.3
    scores = fake + random.normal(0, 1, videos)
    return (scores.round() if ties else scores), fake


def curve(scores, fake, weights=None):
    weights = np.ones((1, len(fake))) if weights is None else weights
    return Ranking(scores, fake).curve(weights)


@pytest.mark.parametrize("ties", [False, True])
def test_area_and_average_precision_are_those_of_scikit_learn(ties):
    scores, fake = drawn(ties=ties)
    assert area(curve(scores, fake))[0] == pytest.approx(roc_auc_score(fake, scores))
    assert average_precision(curve(scores, fake))[0] == pytest.approx(
        average_precision_score(fake, scores)
    )


def test_a_weight_counts_a_video_as_often():
    scores, fake = drawn(ties=True)
    counts = np.random.default_rng(1).integers(0, 4, (3, len(fake)))
    areas = area(curve(scores, fake, counts.astype(float)))
    for found, row in zip(areas, counts, strict=True):
        assert found == pytest.approx(roc_auc_score(np.repeat(fake, row), np.repeat(scores, row)))


def test_the_equal_error_rate_of_a_known_order():
    scores = np.array([8.0, 7, 6, 5, 4, 3, 2, 1])
    fake = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)  # one of four wrong on either side
    assert equal_error_rate(curve(scores, fake))[0] == pytest.approx(0.25)
    assert equal_error_rate(curve(scores, scores > 4))[0] == 0
    assert equal_error_rate(curve(np.zeros(8), fake))[0] == pytest.approx(0.5)
    assert equal_error_rate(curve(-scores, scores > 4))[0] == pytest.approx(1)


def test_fakes_found_at_a_false_alarm_rate_use_thresholds_that_exist():
    scores = np.concatenate([np.arange(100.0), [99.5, 98.5, 97.5, 0.5]])
    fake = np.arange(104) >= 100
    found = curve(scores, fake)
    assert found_at(0.01)(found)[0] == 0.5  # above 98, where one real of 100 lies
    assert found_at(0.05)(found)[0] == 0.75
    assert found_at(0.05)(curve(np.zeros(104), fake))[0] == 0  # equal scores: all or none
