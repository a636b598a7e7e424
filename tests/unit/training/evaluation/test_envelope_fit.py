"""Bounds learned from numbers that were made so that the right bounds are known."""

from dataclasses import replace

import numpy as np
import pytest

from ddaemon.stages.envelope import MEASURES
from ddaemon.tests.unit.training.evaluation.made_judgements import made
from ddaemon.training.evaluation.envelope_fit import envelope_table, envelope_traits, learn_envelope

VIDEOS = 1000
DETAIL = list(MEASURES).index("detail")
FACE_PX = list(MEASURES).index("face_px")


@pytest.fixture(scope="module")
def judged():
    return made(videos=VIDEOS, skill=1.5)


@pytest.fixture(scope="module")
def measures():
    """Every measure is even between 0 and 1, each in an order of its own."""
    random = np.random.default_rng(5)
    return np.stack([random.permutation(VIDEOS) / (VIDEOS - 1) for _ in MEASURES], axis=1)


def learn(measures, judged):
    return learn_envelope(measures, judged, "made, validation part", 0.05, seed=0)


def spoiled(judged, where):
    """The same detector, which tosses a coin for some videos."""
    random = np.random.default_rng(3)
    coins = np.where(where, random.permutation(judged.probability), judged.probability)
    return replace(judged, probability=coins)


def test_where_a_detector_holds_everywhere_the_outermost_per_cent_are_left_out(measures, judged):
    bounds = learn(measures, judged).measures
    assert (bounds["detail"].low, bounds["detail"].high) == pytest.approx((0.01, 0.99))
    assert bounds["detail"].within == pytest.approx(0.98, abs=0.002)
    assert bounds["detail"].chosen == "the lowest 1 % left out; the highest 1 % left out"
    assert (bounds["face_px"].low, bounds["face_px"].high) == (pytest.approx(0.01), None)
    assert (bounds["profile"].low, bounds["profile"].high) == (None, pytest.approx(0.99))


def test_a_bound_moves_in_past_where_the_detector_is_no_better_than_chance(measures, judged):
    blind = spoiled(judged, measures[:, DETAIL] < 0.25)
    bounds = learn(measures, blind).measures
    assert bounds["detail"].low == pytest.approx(0.2, abs=0.01)
    assert bounds["detail"].high == pytest.approx(0.99)
    assert "AUC not above chance" in bounds["detail"].chosen
    assert "lowest 2 tenths" in bounds["detail"].chosen
    assert bounds["detail"].within == pytest.approx(0.79, abs=0.01)
    assert bounds["brightness"].low == pytest.approx(0.01)


def test_a_bound_moves_in_past_where_too_many_reals_are_called_fake(measures, judged):
    high = measures[:, DETAIL] > 0.9
    said = tuple("fake" if there else one for there, one in zip(high, judged.decision, strict=True))
    bounds = learn(measures, replace(judged, decision=said)).measures
    assert bounds["detail"].high == pytest.approx(0.9, abs=0.01)
    assert "reals called fake" in bounds["detail"].chosen


def test_a_bound_never_leaves_out_more_than_four_tenths_of_a_side(measures, judged):
    blind = spoiled(judged, np.ones(VIDEOS, np.bool_))
    bounds = learn(measures, blind).measures["detail"]
    assert (bounds.low, bounds.high) == pytest.approx((0.4, 0.6), abs=0.01)


def test_what_the_data_cannot_say_gets_no_bounds_and_the_record_says_so(measures, judged):
    silent = measures.copy()
    silent[:, FACE_PX] = np.nan
    envelope = learn(silent, judged)
    assert "face_px" not in envelope.measures
    assert envelope.unmeasured == {
        "face_px": "width of the face in the video, pixels: 0 of 1000 say it, it takes 100; "
        "face images do not"
    }
    assert any(row[-1] == "no bounds" for row in envelope_table(envelope).rows)


def test_of_a_handful_of_videos_nothing_is_learned():
    few = made(videos=60)
    envelope = learn(np.full((60, len(MEASURES)), 0.5), few)
    assert envelope.measures == {}
    assert set(envelope.unmeasured) == set(MEASURES)
    assert envelope_traits(np.zeros((2, len(MEASURES))), envelope) == ("", "")


def test_the_share_within_all_bounds_is_counted_over_videos(measures, judged):
    envelope = learn(measures, judged)
    named = envelope_traits(measures, envelope)
    assert envelope.within == pytest.approx(named.count("inside") / VIDEOS)
    assert 0.9 < envelope.within < 0.98
    unknown = np.full((1, len(MEASURES)), np.nan)
    assert envelope_traits(unknown, envelope) == ("inside",)
