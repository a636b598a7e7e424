"""The words of a verdict: one fixed scale, in the manner of forensic likelihood wording.

The scale says how far the evidence points to a manipulation, never that a video is what it claims
to be. Everything that shows a decision to a person takes its words from here.
"""

from collections.abc import Mapping
from typing import Final, Literal

from typing_extensions import ReadOnly, TypedDict

from .schema import (
    Decision,
    EnvelopePart,
    RefusalReason,
    ScaleWords,
    StabilityPart,
    ThresholdsPart,
    WordsPart,
)

NO_SIGNS: Final = "no signs of manipulation found"
INCONCLUSIVE: Final = "inconclusive"
SIGNS: Final = "signs of manipulation"
STRONG_SIGNS: Final = "strong signs of manipulation"
NOT_EXAMINED: Final = "could not be examined"

SCALE: tuple[ScaleWords, ...] = (
    NO_SIGNS,
    INCONCLUSIVE,
    SIGNS,
    STRONG_SIGNS,
)  # from the weakest to the strongest
MEANING: Mapping[ScaleWords, str] = {
    NO_SIGNS: "the score reached the threshold for real",
    INCONCLUSIVE: "the detector does not say",
    SIGNS: "the score reached the threshold for fake",
    STRONG_SIGNS: "the score is 0.95 or more, on material like that the detector was measured on",
}
# A calibrated probability from which the odds are 19 to 1, where fakes are as frequent as reals.
STRONG_FROM = 0.95
REASONS: Mapping[RefusalReason, str] = {
    "no_face": "no face was found that could be examined",
    "too_short": "there were too few frames",
    "undecodable": "the video could not be decoded",
    "unsupported": "the file is not a video that this version can read",
}

PLAIN: Mapping[Decision, ScaleWords] = {
    "real": NO_SIGNS,
    "inconclusive": INCONCLUSIVE,
    "not_analysable": NOT_EXAMINED,
}

ErrorKind = Literal["false_positive", "false_negative"]


class WordedOutcome(TypedDict):
    """What the words of a verdict are made of; a `Verdict` is one."""

    decision: ReadOnly[Decision]
    reason: ReadOnly[RefusalReason | None]
    probability: ReadOnly[float | None]
    thresholds: ReadOnly[ThresholdsPart]
    envelope: ReadOnly[EnvelopePart | None]
    stability: ReadOnly[StabilityPart | None]


def words_of(finding: WordedOutcome) -> WordsPart:
    """The field `words`: the step of the scale, and one hedged sentence with the error rates."""
    return {"scale": scale_of(finding), "summary": _summary(finding)}


def scale_of(finding: WordedOutcome) -> ScaleWords:
    """The words that stand for the decision."""
    if finding["decision"] == "fake":
        return STRONG_SIGNS if _is_strong(finding) else SIGNS
    return PLAIN[finding["decision"]]


def percent(rate: float) -> str:
    """A rate of 0..1 as a percentage with one digit."""
    return f"{100 * rate:.1f} %"


def error_rate(thresholds: ThresholdsPart, kind: ErrorKind) -> tuple[float, list[float]]:
    """How often the detector makes this error, 0..1, and the 95 % interval of that."""
    if kind == "false_positive":
        return thresholds["false_positive_rate"], thresholds["false_positive_interval"]
    return thresholds["false_negative_rate"], thresholds["false_negative_interval"]


def rate_of(thresholds: ThresholdsPart, kind: ErrorKind) -> str:
    """A rate with its 95 % interval: no error in four videos is not no error."""
    rate, (low, high) = error_rate(thresholds, kind)
    return f"{percent(rate)} ({100 * low:.1f} to {100 * high:.1f})"


def _is_strong(finding: WordedOutcome) -> bool:
    """High, inside of what the detector was measured on, and the same on a second look."""
    envelope, stability = finding.get("envelope"), finding.get("stability")
    doubted = (envelope and not envelope["inside"]) or (stability and stability["flipped"])
    score = finding["probability"]
    return score is not None and score >= STRONG_FROM and not doubted


def _summary(finding: WordedOutcome) -> str:
    if finding["decision"] == "not_analysable":
        reason = finding["reason"]
        why = REASONS[reason] if reason else "no stage came to a judgement"
        return (
            f"The video could not be examined, because {why}: nothing is said about whether it "
            "was manipulated."
        )
    thresholds = finding["thresholds"]
    return (
        f"{_sentence(finding)}; at these thresholds {rate_of(thresholds, 'false_positive')} of "
        f"real videos are called fake and {rate_of(thresholds, 'false_negative')} of fakes are "
        "called real (in brackets the 95 % intervals), as measured on "
        f"{thresholds['videos']} videos: {thresholds['measured_on']}."
    )


def _sentence(finding: WordedOutcome) -> str:
    score = f"{finding['probability']:.2f}"
    return {
        STRONG_SIGNS: f"A score of {score} of 1 points strongly to a manipulation, and proves none",
        SIGNS: f"A score of {score} of 1 points to a manipulation, and proves none",
        INCONCLUSIVE: f"With a score of {score} of 1 the detector does not say whether the video "
        "was manipulated",
        NO_SIGNS: f"With a score of {score} of 1 none of the signs that the detector knows was "
        "found, which does not rule out a manipulation",
    }[scale_of(finding)]
