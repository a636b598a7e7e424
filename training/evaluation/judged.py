"""A detector's judgements of labelled videos, from which the whole report is computed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...storage.detector_record import ThresholdsRecord

CALLED_FAKE, CALLED_REAL, INCONCLUSIVE = "fake", "real", "inconclusive"
DECISIONS = (CALLED_FAKE, INCONCLUSIVE, CALLED_REAL)


@dataclass(frozen=True, slots=True)
class Judged:
    """One detector's judgements of the videos of one data set's split.

    Raises `ValueError` when its parts differ in length or a value is not a probability.
    """

    detector: str  # name and version
    dataset: str
    fake: NDArray[np.bool_]  # (videos,)
    groups: tuple[str, ...]  # drawn together by the bootstrap
    probability: NDArray[np.float64]  # (videos,) calibrated, of fake
    decision: tuple[str, ...]  # of DECISIONS
    thresholds: ThresholdsRecord
    baselines: Mapping[str, NDArray[np.float64]]  # (videos,), higher is more fake
    traits: Mapping[str, tuple[str, ...]]  # one value per video, "" unknown; see traits.py
    left_out: Mapping[str, str]  # path -> why it could not be judged

    def __post_init__(self) -> None:
        parts = {"groups": self.groups, "probability": self.probability, "decision": self.decision}
        for name, part in {**parts, **self.baselines, **self.traits}.items():
            if len(part) != len(self.fake):
                raise ValueError(f"{name}: {len(part)} values for {len(self.fake)} videos")
        if not np.all((self.probability >= 0) & (self.probability <= 1)):
            raise ValueError("a probability is not between 0 and 1")
        if not all(np.isfinite(scores).all() for scores in self.baselines.values()):
            raise ValueError("a baseline's score is not finite")
        if unknown := set(self.decision) - set(DECISIONS):
            raise ValueError(f"unknown decisions: {sorted(unknown)}")
