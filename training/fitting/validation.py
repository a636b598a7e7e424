"""Judging labelled sequences, each in its whole length, by a network in training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import UserError
from ..array_types import Floats32, Labels
from ..evaluation.auc import auc
from .data import Material

SMALLEST, LARGEST = 64, 256  # videos per batch: a power of two between these


def logits_of(network: Any, material: Material) -> Floats32:
    """The logit of each video, before calibration: (videos,)."""
    logits = np.empty(len(material), np.float32)
    size = min(LARGEST, max(SMALLEST, 1 << (len(material) - 1).bit_length()))
    for steps in np.unique(material.lengths):
        alike = np.flatnonzero(material.lengths == steps)
        for videos in material.chunks(alike, int(steps)):
            rows = material.starts[videos, None] + np.arange(steps)
            logits[videos] = _predict(network, material.gather(rows), size)
    return logits


def measures(logits: Floats32, fake: Labels) -> dict[str, float]:
    """Cross-entropy, accuracy at a probability of a half, and AUC.

    Raises `UserError` when a logit is not finite.
    """
    exact = logits.astype(np.float64)
    if not np.isfinite(exact).all():
        raise UserError(
            "the fit has run away: a logit is not finite any more; lower head.rate in the recipe"
        )
    return {
        "val_loss": float(np.mean(np.logaddexp(0, exact) - fake * exact)),
        "val_accuracy": float(np.mean((exact > 0) == fake)),
        "val_auc": auc(exact, fake),
    }


def _predict(network: Any, vectors: Floats32, size: int) -> NDArray[np.float32]:
    """Pads to whole batches, so that one shape is compiled, which devices can share."""
    count = len(vectors)
    filled = np.concatenate([vectors, np.repeat(vectors[-1:], -count % size, axis=0)])
    found = network.predict(filled, batch_size=size, verbose=0)
    return np.asarray(found, np.float32)[:count, 0]
