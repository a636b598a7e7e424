"""What is measured of a head on validation videos, and how sure that is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....storage.errors import UserError
from ..faces_dataset import Face

RESAMPLES = 500
Floats = NDArray[Any]  # (videos,)
Labels = NDArray[np.bool_]  # (videos,): True is fake


def auc(scores: Floats, fake: Labels) -> float:
    """Area under the ROC curve: how often a fake scores higher than a real."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(fake, scores))


def auc_with_interval(scores: Floats, fake: Labels, groups: Sequence[str], seed: int) -> Any:
    """The AUC and its 95 % interval, actors (not videos) drawn with replacement.

    Raises `UserError` when no draw has both labels.
    """
    rows = _rows_by_group(groups)
    random = np.random.default_rng(seed)
    drawn = [
        np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))])
        for _ in range(RESAMPLES)
    ]
    found = [auc(scores[some], fake[some]) for some in drawn if _both(fake[some])]
    if not found:
        raise UserError("too few actors: none of them has both real and fake videos")
    low, high = np.quantile(found, [0.025, 0.975])
    return {"auc": _rounded(auc(scores, fake)), "interval": [_rounded(low), _rounded(high)]}


def choose_half(faces: Sequence[Face], seed: int) -> Labels:
    """True for the faces of one half; no actor is in both, and both hold as many reals (nearly)."""
    groups = sorted({face.group for face in faces})
    np.random.default_rng(seed).shuffle(groups)
    groups.sort(key=lambda group: -_reals(faces, group))
    counts, chosen = [0, 0], set()
    for group in groups:
        half = int(counts[1] < counts[0])
        counts[half] += _reals(faces, group)
        if half:
            chosen.add(group)
    return np.array([face.group in chosen for face in faces])


def _reals(faces: Sequence[Face], group: str) -> int:
    return sum(face.group == group and not face.fake for face in faces)


def _rows_by_group(groups: Sequence[str]) -> list[NDArray[Any]]:
    named = np.asarray(groups)
    return [np.flatnonzero(named == group) for group in np.unique(named)]


def _both(fake: Labels) -> bool:
    return bool(fake.any() and not fake.all())


def _rounded(value: float) -> float:
    return round(float(value), 4)
