from dataclasses import replace

import numpy as np
import pytest

from ddaemon.tests.unit.training.fitting.fitting_data import WIDTH, make_part
from ddaemon.training.evaluation.auc import auc
from ddaemon.training.fitting import frame_start
from ddaemon.training.fitting.frame_start import (
    LOGISTIC,
    OWN,
    FrameClassifier,
    choose_frame_start,
    fit_logistic,
    kept_logistic,
)


@pytest.fixture
def parts(tmp_path):
    return make_part(tmp_path / "train", 60, 0), make_part(tmp_path / "val", 40, 1, who="other")


def test_the_scaling_is_folded_into_the_kernel(parts):
    means, fake = parts[0].means(), parts[0].fake
    pipeline = frame_start._pipeline(frame_start._best_strength(means, fake, parts[0].groups, 3))
    expected = pipeline.fit(means, fake).decision_function(parts[1].means())
    found = fit_logistic(parts[0], 3).logits(parts[1].means())
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_own_one_stays_unless_the_regression_is_surely_better(parts):
    logistic = fit_logistic(parts[0], 0)
    knows = {"frame/kernel": np.eye(WIDTH, 1), "frame/bias": np.zeros(1)}
    wrong = {"frame/kernel": -np.eye(WIDTH, 1), "frame/bias": np.zeros(1)}
    assert choose_frame_start(parts[1], logistic, wrong, 0) == (logistic, LOGISTIC)
    assert choose_frame_start(parts[1], logistic, None, 0) == (logistic, LOGISTIC)
    alike = {"frame/kernel": logistic.kernel, "frame/bias": logistic.bias}
    assert choose_frame_start(parts[1], logistic, alike, 0)[1] == OWN
    nearly = {"frame/kernel": logistic.kernel + noise(0.02), "frame/bias": logistic.bias}
    assert choose_frame_start(parts[1], logistic, nearly, 0)[1] == OWN
    poor = FrameClassifier(-logistic.kernel, logistic.bias)
    assert choose_frame_start(parts[1], poor, knows, 0)[1] == OWN


def noise(scale):
    return np.random.default_rng(5).normal(0, scale, (WIDTH, 1)).astype(np.float32)


def test_it_tells_fake_from_real_of_other_people(parts):
    assert auc(fit_logistic(parts[0], 0).logits(parts[1].means()), parts[1].fake) > 0.9


def test_no_group_is_on_both_sides_when_the_strength_is_chosen(parts):
    train = parts[0]
    groups = np.array(train.groups)
    folds = frame_start._folds(train.means(), train.fake, train.groups, 0)
    assert len(folds) == 5
    assert all(not set(groups[fitted]) & set(groups[judged]) for fitted, judged in folds)


def test_a_single_group_is_enough_for_a_classifier(parts):
    alone = replace(parts[0], groups=("somebody",) * len(parts[0]))
    assert np.isfinite(fit_logistic(alone, 0).kernel).all()


def test_it_is_kept_for_the_same_data_and_fitted_anew_for_others(parts, tmp_path, monkeypatch):
    first = kept_logistic(parts[0], 0, tmp_path)
    calls = []
    fit = frame_start.fit_logistic
    monkeypatch.setattr(frame_start, "fit_logistic", lambda *told: calls.append(told) or fit(*told))
    np.testing.assert_array_equal(kept_logistic(parts[0], 0, tmp_path).kernel, first.kernel)
    assert not calls
    kept_logistic(parts[1], 0, tmp_path)
    assert len(calls) == 1
