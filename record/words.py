"""The words of a verdict: one fixed scale, in the manner of forensic likelihood wording.

The scale says how far the evidence points to a manipulation, never that a video is what it claims
to be. Everything that shows a decision to a person takes its words from here.
"""

from collections.abc import Mapping
from typing import Any

NO_SIGNS = "no signs of manipulation found"
INCONCLUSIVE = "inconclusive"
SIGNS = "signs of manipulation"
STRONG_SIGNS = "strong signs of manipulation"
NOT_EXAMINED = "could not be examined"

SCALE = (NO_SIGNS, INCONCLUSIVE, SIGNS, STRONG_SIGNS)  # from the weakest to the strongest
MEANING = {
    NO_SIGNS: "the score reached the threshold for real",
    INCONCLUSIVE: "the detector does not say",
    SIGNS: "the score reached the threshold for fake",
    STRONG_SIGNS: "the score is 0.95 or more, on material like that the detector was measured on",
}
# A calibrated probability from which the odds are 19 to 1, where fakes are as frequent as reals.
STRONG_FROM = 0.95
REASONS = {
    "no_face": "no face was found that could be examined",
    "too_short": "there were too few frames",
    "undecodable": "the video could not be decoded",
    "unsupported": "the file is not a video that this version can read",
}

Record = Mapping[str, Any]  # of verdict.json


def words_of(record: Record) -> dict[str, str]:
    """The field `words`: the step of the scale, and one hedged sentence with the error rates."""
    return {"scale": scale_of(record), "summary": _summary(record)}


def scale_of(record: Record) -> str:
    """The words that stand for the decision."""
    plain = {"real": NO_SIGNS, "inconclusive": INCONCLUSIVE, "not_analysable": NOT_EXAMINED}
    if record["decision"] != "fake":
        return plain[record["decision"]]
    return STRONG_SIGNS if _is_strong(record) else SIGNS


def percent(rate: float) -> str:
    """A rate of 0..1 as a percentage with one digit."""
    return f"{100 * rate:.1f} %"


def rate_of(thresholds: Record, what: str) -> str:
    """A rate with its 95 % interval: no error in four videos is not no error."""
    low, high = thresholds[f"{what}_interval"]
    return f"{percent(thresholds[f'{what}_rate'])} ({100 * low:.1f} to {100 * high:.1f})"


def _is_strong(record: Record) -> bool:
    """High, inside of what the detector was measured on, and the same on a second look."""
    envelope, stability = record.get("envelope"), record.get("stability")
    doubted = (envelope and not envelope["inside"]) or (stability and stability["flipped"])
    return bool(record["probability"] >= STRONG_FROM and not doubted)


def _summary(record: Record) -> str:
    if record["decision"] == "not_analysable":
        why = REASONS.get(record["reason"], "no stage came to a judgement")
        return (
            f"The video could not be examined, because {why}: nothing is said about whether it "
            "was manipulated."
        )
    thresholds = record["thresholds"]
    return (
        f"{_finding(record)}; at these thresholds {rate_of(thresholds, 'false_positive')} of real "
        f"videos are called fake and {rate_of(thresholds, 'false_negative')} of fakes are called "
        f"real (in brackets the 95 % intervals), as measured on {thresholds['videos']} videos: "
        f"{thresholds['measured_on']}."
    )


def _finding(record: Record) -> str:
    score = f"{record['probability']:.2f}"
    return {
        STRONG_SIGNS: f"A score of {score} of 1 points strongly to a manipulation, and proves none",
        SIGNS: f"A score of {score} of 1 points to a manipulation, and proves none",
        INCONCLUSIVE: f"With a score of {score} of 1 the detector does not say whether the video "
        "was manipulated",
        NO_SIGNS: f"With a score of {score} of 1 none of the signs that the detector knows was "
        "found, which does not rule out a manipulation",
    }[scale_of(record)]
