"""How well scores put fakes above reals, under many weightings of the videos at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_types import Labels

Floats64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankingCurve:
    """What each threshold from the highest score down finds: each (draws, thresholds + 1).

    The first column is a threshold above all scores; equal scores share a threshold.
    """

    false_positives: Floats64  # share of the reals at or above
    true_positives: Floats64  # share of the fakes at or above
    precision: Floats64  # share of fakes among those at or above; 1 where there are none


class Ranking:
    """Scores sorted once, to be measured under any weights."""

    def __init__(self, scores: NDArray[Any], fake: Labels) -> None:
        """`scores` (videos,), higher is more fake. Both labels must be there."""
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._fake = fake[self._order]
        self._starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))

    def curve(self, weights: Floats64) -> RankingCurve:
        """The curve under each row of `weights` (draws, videos)."""
        ordered = weights[:, self._order]
        fakes, reals = self._sums(ordered * self._fake), self._sums(ordered * ~self._fake)
        found = fakes + reals
        precision = np.divide(fakes, found, out=np.ones_like(fakes), where=found > 0)
        return RankingCurve(reals / reals[:, -1:], fakes / fakes[:, -1:], precision)

    def _sums(self, weights: Floats64) -> Floats64:
        sums = np.cumsum(np.add.reduceat(weights, self._starts, axis=1), axis=1)
        return np.concatenate([np.zeros((len(weights), 1)), sums], axis=1)


def area(curve: RankingCurve) -> Floats64:
    """AUC: how often a fake scores higher than a real, ties counting half (Hanley, McNeil 1982)."""
    return np.asarray(np.trapezoid(curve.true_positives, curve.false_positives, axis=1))


def average_precision(curve: RankingCurve) -> Floats64:
    """AP: the precision at each threshold, weighted by the recall it adds."""
    return np.asarray((np.diff(curve.true_positives, axis=1) * curve.precision[:, 1:]).sum(axis=1))


def equal_error_rate(curve: RankingCurve) -> Floats64:
    """EER: the rate at which as large a share of reals is called fake as of fakes is called real,
    interpolated linearly between the two thresholds around it."""
    gap = curve.false_positives + curve.true_positives - 1  # rises from -1 to 1
    after = (gap >= 0).argmax(axis=1)
    rows = np.arange(len(gap))
    below, above = gap[rows, after - 1], gap[rows, after]
    start, end = curve.false_positives[rows, after - 1], curve.false_positives[rows, after]
    return np.asarray(start + (end - start) * -below / (above - below))


def found_at(rate: float) -> Callable[[RankingCurve], Floats64]:
    """TPR at an FPR: the largest share of fakes found by a threshold that calls at most this share
    of the reals fake."""

    def found(curve: RankingCurve) -> Floats64:
        allowed = curve.false_positives <= rate + 1e-12
        return np.asarray(np.where(allowed, curve.true_positives, 0).max(axis=1))

    return found
