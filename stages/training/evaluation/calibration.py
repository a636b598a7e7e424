"""From a head's logits to probabilities, and from probabilities to decisions."""

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....storage.detector_record import ThresholdsRecord
from ....storage.errors import UserError
from ...networks.lstm import sigmoid

FALSE_POSITIVES = 0.05  # of all reals, called fake: at most
FALSE_NEGATIVES = 0.10  # of all fakes, called real: at most
Z95 = NormalDist().inv_cdf(0.975)
Floats = NDArray[Any]  # (videos,)
Labels = NDArray[np.bool_]  # (videos,): True is fake


def fit_platt(logits: Floats, fake: Labels) -> tuple[float, float]:
    """Slope and offset of Platt scaling (Platt 1999), both labels weighing the same.

    So a probability of 0.5 says that the evidence is even, whatever the shares in the data were.
    Raises `UserError` when a label is missing.
    """
    from sklearn.linear_model import LogisticRegression

    _require_both(fake)
    regression = LogisticRegression(C=1e6, class_weight="balanced")
    regression.fit(logits.reshape(-1, 1), fake)
    return float(regression.coef_[0, 0]), float(regression.intercept_[0])


def apply_platt(logits: Floats, scale: tuple[float, float]) -> NDArray[np.float32]:
    """Calibrated probabilities of fake."""
    return sigmoid(np.asarray(scale[0] * logits + scale[1], np.float32))


def choose_thresholds(probabilities: Floats, fake: Labels, measured_on: str) -> ThresholdsRecord:
    """The widest decisions whose errors stay at or below the two rates above.

    Raises `UserError` when a label is missing.
    """
    _require_both(fake)
    probabilities = np.asarray(probabilities, np.float64)  # or a step above one may round back
    highest = _lowest_with(probabilities[~fake], FALSE_POSITIVES)
    lowest = -_lowest_with(-probabilities[fake], FALSE_NEGATIVES)
    lowest = min(lowest, float(np.nextafter(highest, 0)))  # where the two overlap, fake wins
    return rate_thresholds(probabilities, fake, highest, lowest, measured_on)


def rate_thresholds(
    probabilities: Floats, fake: Labels, highest: float, lowest: float, measured_on: str
) -> ThresholdsRecord:
    """How often two thresholds are wrong on these videos."""
    called_fake, called_real = probabilities >= highest, probabilities <= lowest
    reals, fakes = int((~fake).sum()), int(fake.sum())
    wrong_fake, wrong_real = int((called_fake & ~fake).sum()), int((called_real & fake).sum())
    return ThresholdsRecord(
        fake=highest,
        real=lowest,
        false_positive_rate=wrong_fake / reals,
        false_positive_interval=wilson_interval(wrong_fake, reals),
        false_negative_rate=wrong_real / fakes,
        false_negative_interval=wilson_interval(wrong_real, fakes),
        inconclusive_rate=float(np.mean(~called_fake & ~called_real)),
        measured_on=measured_on,
        videos=len(fake),
    )


def wilson_interval(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927)."""
    rate, square = hits / of, Z95**2 / of
    middle = (rate + square / 2) / (1 + square)
    half = Z95 / (1 + square) * float(np.sqrt(rate * (1 - rate) / of + square / (4 * of)))
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_error(probabilities: Floats, fake: Labels, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017), both labels weighing the same."""
    weights = np.where(fake, 1 / fake.sum(), 1 / (~fake).sum()) / 2
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights * (probabilities - fake), bins)
    return float(np.abs(gaps).sum())


def _lowest_with(scores: Floats, rate: float) -> float:
    """The lowest threshold that at most this share of `scores` reaches."""
    allowed = int(rate * len(scores))
    ordered = np.sort(scores)[::-1]
    return float(np.nextafter(np.float64(ordered[allowed]), np.inf))


def _require_both(fake: Labels) -> None:
    if fake.all() or not fake.any():
        raise UserError("calibration needs both real and fake videos")
