"""From a head's logits to probabilities, and from probabilities to decisions."""

from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...storage.detector_record import CalibrationRecord, ThresholdsRecord
from ...storage.errors import UserError
from ..array_types import Labels, VideoValues

KNOTS = 50  # of isotonic calibration, at most
TEMPERATURES = (0.01, 100.0)
FALSE_POSITIVES = 0.05  # of all reals, called fake: at most
FALSE_NEGATIVES = 0.10  # of all fakes, called real: at most
Z95 = NormalDist().inv_cdf(0.975)
CalibrationKind = Literal["platt", "temperature", "isotonic"]
Knots = tuple[tuple[float, float], ...]  # (logit, probability), both rising


def fit_calibration(
    kind: CalibrationKind,
    logits: VideoValues,
    fake: Labels,
    frame_logits: VideoValues,
    frame_fake: Labels,
) -> CalibrationRecord:
    """Fit on videos, (videos,) both, and separately on single frames, (frames,) both.

    Both labels weigh the same in every kind. Raises `UserError` when a label is missing.
    """
    if kind == "isotonic":
        return CalibrationRecord(
            kind=kind,
            slope=1.0,
            offset=0.0,
            frame_slope=1.0,
            frame_offset=0.0,
            knots=fit_isotonic(logits, fake),
            frame_knots=fit_isotonic(frame_logits, frame_fake),
        )
    fit = fit_platt if kind == "platt" else fit_temperature
    (slope, offset), (frame_slope, frame_offset) = fit(logits, fake), fit(frame_logits, frame_fake)
    return CalibrationRecord(
        kind=kind,
        slope=slope,
        offset=offset,
        frame_slope=frame_slope,
        frame_offset=frame_offset,
    )


def fit_platt(logits: VideoValues, fake: Labels) -> tuple[float, float]:
    """Slope and offset of Platt scaling (Platt 1999), both labels weighing the same.

    So a probability of 0.5 means even evidence, whatever the shares in the data were.
    Raises `UserError` when a label is missing.
    """
    from sklearn.linear_model import LogisticRegression

    _require_both(fake)
    regression = LogisticRegression(C=1e6, class_weight="balanced")
    regression.fit(logits.reshape(-1, 1), fake)
    return float(regression.coef_[0, 0]), float(regression.intercept_[0])


def fit_temperature(logits: VideoValues, fake: Labels) -> tuple[float, float]:
    """Slope 1 / T and offset 0 of temperature scaling (Guo et al. 2017, section 4.2).

    T is the one within `TEMPERATURES` with the least log loss, both labels weighing the same.
    Raises `UserError` when a label is missing.
    """
    from sklearn.linear_model import LogisticRegression

    _require_both(fake)
    regression = LogisticRegression(C=1e6, class_weight="balanced", fit_intercept=False)
    regression.fit(logits.reshape(-1, 1), fake)
    coldest, hottest = TEMPERATURES
    return float(np.clip(regression.coef_[0, 0], 1 / hottest, 1 / coldest)), 0.0


def fit_isotonic(logits: VideoValues, fake: Labels) -> Knots:
    """The knots of a probability that only rises (Zadrozny and Elkan 2002), at most `KNOTS`.

    With n logits no probability is below 1/(n+2) or above 1-1/(n+2), so that none is certain.
    Both labels weigh the same. Raises `UserError` when a label is missing.
    """
    from sklearn.isotonic import IsotonicRegression

    limit = 1 / (len(fake) + 2)
    regression = IsotonicRegression(y_min=limit, y_max=1 - limit)
    regression.fit(np.asarray(logits, np.float64), fake, sample_weight=_balanced_weights(fake))
    at, probability = regression.X_thresholds_, regression.y_thresholds_
    kept = np.unique(np.linspace(0, len(at) - 1, min(KNOTS, len(at))).round().astype(int))
    return tuple((float(at[i]), float(probability[i])) for i in kept)


def choose_thresholds(
    probabilities: VideoValues,
    fake: Labels,
    measured_on: str,
    false_positives: float = FALSE_POSITIVES,
    false_negatives: float = FALSE_NEGATIVES,
) -> ThresholdsRecord:
    """The thresholds that decide the most while their errors stay at or below the two rates.

    Raises `UserError` when a label is missing.
    """
    _require_both(fake)
    probabilities = np.asarray(probabilities, np.float64)  # or a step above one may round back
    highest = _lowest_with(probabilities[~fake], false_positives)
    lowest = -_lowest_with(-probabilities[fake], false_negatives)
    lowest = min(lowest, float(np.nextafter(highest, 0)))  # where the two overlap, fake wins
    return rate_thresholds(probabilities, fake, highest, lowest, measured_on)


def rate_thresholds(
    probabilities: VideoValues, fake: Labels, highest: float, lowest: float, measured_on: str
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


def _lowest_with(scores: VideoValues, rate: float) -> float:
    """The lowest threshold that at most this share of `scores` reaches."""
    allowed = int(rate * len(scores))
    ordered = np.sort(scores)[::-1]
    return float(np.nextafter(np.float64(ordered[allowed]), np.inf))


def _balanced_weights(fake: Labels) -> NDArray[np.float64]:
    """One weight per video, with sum 1, half of it on either label."""
    _require_both(fake)
    return np.asarray(np.where(fake, 0.5 / fake.sum(), 0.5 / (~fake).sum()))


def _require_both(fake: Labels) -> None:
    if fake.all() or not fake.any():
        raise UserError("calibration needs both real and fake videos")
