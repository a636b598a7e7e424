"""The stage `stability`: does the decision survive what happens to any video in transit?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from ..record.schema import Decision, LookName, LookPart, StabilityPart
from ..storage.detector_record import ThresholdsRecord
from ..storage.errors import NotAnalysable
from .base import Context, Stage
from .classify import FAKE, INCONCLUSIVE, REAL, Classify, decide
from .faces import Faces
from .facts import Judgement
from .features import Features
from .media.encode import through_h264
from .media.video import Frame, Image
from .verdict import NOT_ANALYSABLE

CRF = 32  # of H.264: about what a messenger leaves
BRIGHTER = 1.2
OTHER_SIDE: Mapping[Decision, Decision] = {FAKE: REAL, REAL: FAKE}


class AlteredFrames:
    """Sampled frames (a `FrameSample`), each altered when it is iterated."""

    def __init__(self, frames: Any, alter: Callable[[Image], Image]) -> None:
        self._frames, self._alter = frames, alter
        self.count = frames.count

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            yield replace(frame, image=self._alter(frame.image))


class Stability:
    """Judges the same frames once more under each alteration of `stability.looks`.

    A decision flips when the score of a look lies on the other decision's side: a `fake` whose
    score under a look is one of `real`, or the other way round. Such a decision is withdrawn: it
    becomes inconclusive, and the probability stays. A look that ends between the thresholds,
    outside of the operating envelope or without a face is reported but withdraws nothing: it is
    less sure of the same decision, not sure of another one.

    Gives `judgement`, and `stability`: None when no look is asked for, else as in the record.
    """

    name = "stability"
    version = "1"
    needs = frozenset({"frames", "judgement"})
    gives = frozenset({"judgement", "stability"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Look again under each alteration."""
        names, first = context.settings.stability.looks, context.facts["judgement"]
        if not names:
            return {"judgement": first, "stability": None}
        looks = []
        for done, name in enumerate(names, start=1):
            looks.append(_look(context, name))
            context.progress(done / len(names))
        thresholds = context.detector.record.thresholds
        flips = [look for look in looks if flipped(first, look, thresholds)]
        text = _describe(first, looks, flips)
        judgement = replace(first, decision=INCONCLUSIVE, reason=text) if flips else first
        record: StabilityPart = {"looks": looks, "flipped": bool(flips), "text": text}
        return {"judgement": judgement, "stability": record}


def look_at(context: Context, frames: Any) -> Judgement:
    """From sampled frames to a judgement by the built-in stages themselves.

    Raises `NotAnalysable` where they do.
    """
    facts: dict[str, Any] = {"frames": frames}
    stages: Sequence[Stage] = (Faces(), Features(), Classify())
    for stage in stages:
        facts |= stage.run(replace(context, facts=facts, progress=_silent))
    judgement: Judgement = facts["judgement"]
    return judgement


def flipped(first: Judgement, look: LookPart, thresholds: ThresholdsRecord) -> bool:
    """Whether a look's score belongs to the decision that the first look's excludes."""
    if look["probability"] is None or first.decision not in OTHER_SIDE:
        return False
    return decide(look["probability"], thresholds) == OTHER_SIDE[first.decision]


def _look(context: Context, name: LookName) -> LookPart:
    frames = AlteredFrames(context.facts["frames"], ALTERATIONS[name])
    try:
        judgement = look_at(context, frames)
    except NotAnalysable:
        return {"name": name, "decision": NOT_ANALYSABLE, "probability": None}
    return {
        "name": name,
        "decision": judgement.decision,
        "probability": round(judgement.probability, 6),
    }


def _describe(first: Judgement, looks: Sequence[LookPart], flips: Sequence[LookPart]) -> str:
    was = f"{first.decision} ({first.probability:.2f})"
    others = ", ".join(f"{look['name']} {_in_words(look)}" for look in flips or looks)
    if flips:
        return (
            f"The decision does not stand a second look at the same frames: as they are they are "
            f"{was}, and on the opposite side {others}."
        )
    return f"The same frames are {was} as they are, and {others}."


def _in_words(look: LookPart) -> str:
    probability = look["probability"]
    score = "" if probability is None else f" ({probability:.2f})"
    return f"{look['decision'].replace('_', ' ')}{score}"


def _halved(image: Image) -> Image:
    height, width = image.shape[:2]
    shape = max(1, width // 2), max(1, height // 2)
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)


def _brightened(image: Image) -> Image:
    return np.asarray(np.clip(image * np.float32(BRIGHTER), 0, 255), np.uint8)


def _silent(_part: float) -> None:
    """Ignores progress within a look: the stage reports it look by look."""


ALTERATIONS: Mapping[LookName, Callable[[Image], Image]] = {
    "reencoded": partial(through_h264, crf=CRF),
    "halved": _halved,
    "brightened": _brightened,
}
