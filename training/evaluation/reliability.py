"""Whether probabilities mean what they say: bins of equal mass, and the calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..array_types import Labels, VideoValues

BINS = 15


@dataclass(frozen=True, slots=True)
class Bins:
    """Predicted and observed shares of fakes, in bins of rising probability: each (bins,)."""

    predicted: NDArray[np.float64]  # mean probability of fake
    observed: NDArray[np.float64]  # share of fakes
    videos: NDArray[np.int64]


def bin_places(probabilities: VideoValues, bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each video, from 0 up: (videos,).

    Bins hold equally many videos as far as equal probabilities allow: those share a bin, so that
    the order of the videos does not matter.
    """
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)))
    places = np.searchsorted(edges[1:-1], probabilities, side="right")
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def reliability(probabilities: VideoValues, fake: Labels, bins: int = BINS) -> Bins:
    """The reliability diagram's points (DeGroot and Fienberg 1983)."""
    places = bin_places(probabilities, bins)
    videos = np.bincount(places)
    return Bins(
        np.bincount(places, probabilities) / videos, np.bincount(places, fake) / videos, videos
    )


def calibration_error(probabilities: VideoValues, fake: Labels, bins: int = BINS) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3) with the shares of labels in the data.

    By this figure, a probability of 0.5 for even evidence is wrong where most videos are fake.
    With few videos in a bin, chance alone makes it larger than 0.
    """
    weights = np.full((1, len(fake)), 1.0)
    return float(weighted_errors(weights, probabilities, fake, bin_places(probabilities, bins))[0])


def balanced_calibration_error(probabilities: VideoValues, fake: Labels, bins: int = BINS) -> float:
    """The same with equal weight on both labels, as the calibration was fitted."""
    weights = balance(np.full((1, len(fake)), 1.0), fake)
    return float(weighted_errors(weights, probabilities, fake, bin_places(probabilities, bins))[0])


def weighted_errors(
    weights: VideoValues, probabilities: VideoValues, fake: Labels, places: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The calibration error under each row of `weights` (draws, videos): (draws,)."""
    gaps = np.zeros((len(fake), places.max() + 1))
    gaps[np.arange(len(fake)), places] = probabilities - fake
    return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))


def balance(weights: VideoValues, fake: Labels) -> NDArray[np.float64]:
    """`weights` (draws, videos), scaled so that in each row each label has the sum 1."""
    of_fakes = weights[:, fake].sum(axis=1, keepdims=True)
    of_reals = weights[:, ~fake].sum(axis=1, keepdims=True)
    return np.asarray(np.where(fake, weights / of_fakes, weights / of_reals))
