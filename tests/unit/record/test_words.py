"""The words of a verdict are hedged, and come from one scale."""

import pytest

from ddaemon.record.words import (
    INCONCLUSIVE,
    NO_SIGNS,
    NOT_EXAMINED,
    SCALE,
    SIGNS,
    STRONG_SIGNS,
    scale_of,
    words_of,
)
from ddaemon.tests.records import face_of, fake_record, record_of, with_everything

FACES = [face_of(0, [0.5, 0.5, 0.5])]


@pytest.mark.parametrize(
    ("decision", "probability", "words"),
    [
        ("fake", 0.949, SIGNS),
        ("fake", 0.95, STRONG_SIGNS),
        ("inconclusive", 0.97, INCONCLUSIVE),
        ("real", 0.01, NO_SIGNS),
    ],
)
def test_the_scale_follows_the_decision_and_only_a_high_score_is_strong(
    decision, probability, words
) -> None:
    assert scale_of(record_of(decision, probability, FACES)) == words
    assert words in SCALE


def test_what_could_not_be_examined_is_not_on_the_scale_and_has_no_rates() -> None:
    words = words_of(record_of("not_analysable", None))
    assert words["scale"] == NOT_EXAMINED
    assert words["scale"] not in SCALE
    assert "no face was found" in words["summary"]
    assert "%" not in words["summary"]


@pytest.mark.parametrize("doubt", ["envelope", "stability"])
def test_a_sign_is_never_called_strong_outside_of_what_was_measured_or_when_it_flips(doubt) -> None:
    sure = fake_record()
    assert scale_of(sure) == STRONG_SIGNS
    everything = with_everything(sure)
    assert scale_of({**sure, doubt: everything[doubt]}) == SIGNS
    calm = {"envelope": {"inside": True}, "stability": {"flipped": False}}[doubt]
    assert scale_of({**sure, doubt: calm}) == STRONG_SIGNS
    assert scale_of({**sure, doubt: None}) == STRONG_SIGNS


@pytest.mark.parametrize(
    ("decision", "probability"), [("fake", 0.9), ("real", 0.1), ("inconclusive", 0.5)]
)
def test_one_sentence_says_how_often_such_a_verdict_is_wrong_and_on_what(
    decision, probability
) -> None:
    summary = words_of(record_of(decision, probability, FACES))["summary"]
    for said in ("6.6 % (4.7 to 9.1)", "10.4 % (8.6 to 12.5)", "1442 videos: made-up faces"):
        assert said in summary
    assert ". " not in summary
    assert "authentic" not in summary
    assert "genuine" not in summary
