from dataclasses import replace

import numpy as np

from ddaemon.tests.unit.training.evaluation.made_judgements import made
from ddaemon.training.evaluation.metrics import measure
from ddaemon.training.evaluation.summary import verdict_sentence


def verdict(judged):
    return verdict_sentence(measure(judged, seed=0, resamples=200))


def test_a_coin_is_not_shown_to_be_better_than_chance():
    coin = np.random.default_rng(1).random(300)
    said = verdict(replace(made(), probability=coin))
    assert "is not shown to be better than chance" in said
    assert "beats" not in said


def test_a_detector_that_is_wrong_throughout_is_not_better_than_chance():
    judged = made()
    assert "not shown" in verdict(replace(judged, probability=1 - judged.probability))


def test_a_detector_equal_to_its_baseline_does_not_beat_it():
    judged = made()
    said = verdict(replace(judged, baselines={"mean of per-frame scores": judged.probability}))
    assert "does not beat the mean of per-frame scores" in said
    assert "difference +0.000 (+0.000 to +0.000)" in said


def test_a_detector_that_beats_its_baselines_says_by_how_much():
    said = verdict(made(noise=3.0))
    assert said.startswith("made 1 on drawn numbers beats the mean of per-frame scores (AUC 0.")
    assert "difference +0." in said
    assert "not" not in said


def test_one_baseline_that_is_not_beaten_comes_before_those_that_are():
    judged = made(noise=3.0)
    said = verdict(
        replace(judged, baselines={**judged.baselines, "lucky": judged.probability + 0.0})
    )
    assert said.index("does not beat the lucky") < said.index("It does beat the mean")


def test_without_baselines_nothing_is_said_of_them():
    said = verdict(replace(made(), baselines={}))
    assert "beats chance; it was compared with nothing else: AUC 0." in said


def test_a_perfect_order_of_two_people_proves_nothing():
    judged = made(videos=40, skill=9.0)
    people = tuple("ab"[int(of)] for of in judged.fake)
    said = verdict(replace(judged, groups=people))
    assert "not shown to be better than chance" in said
    assert "AUC 1.000 (no interval: an interval needs 5 groups" in said
