"""How often decisions are right and wrong: counts, rates, the classification report."""

from typing import Any

import numpy as np

from ..array_types import Labels
from .calibration import wilson_interval
from .judged import CALLED_FAKE, CALLED_REAL, DECISIONS, INCONCLUSIVE

HALF = 0.5


def decision_rates(decision: tuple[str, ...], fake: Labels) -> dict[str, Any]:
    """How often decisions are wrong, or not made."""
    called = np.array(decision)
    return {
        "reals_called_fake": _rate(called[~fake] == CALLED_FAKE),
        "fakes_called_real": _rate(called[fake] == CALLED_REAL),
        "inconclusive": _rate(called == INCONCLUSIVE),
    }


def confusion(decision: tuple[str, ...], fake: Labels) -> dict[str, dict[str, int]]:
    """Numbers of videos by label, then by decision."""
    called = np.array(decision)
    return {
        label: {choice: int((called[of] == choice).sum()) for choice in DECISIONS}
        for label, of in (("real", ~fake), ("fake", fake))
    }


def classification(called: Labels, fake: Labels) -> dict[str, dict[str, Any]]:
    """The classification report at a probability of 0.5; None where a class was never called."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        fake, called, labels=[False, True], zero_division=np.nan
    )
    names = ("precision", "recall", "f1", "support")
    return {
        label: {name: _number(column[place]) for name, column in zip(names, columns, strict=True)}
        for place, label in enumerate(("real", "fake"))
    }


def majority_class(fake: Labels) -> dict[str, Any]:
    """The figures of always naming the label that is more frequent among these videos."""
    share = float(fake.mean())
    return {
        "says": "fake" if share >= HALF else "real",
        "accuracy": round(max(share, 1 - share), 4),
        "balanced_accuracy": 0.5,
        "auc": 0.5,
    }


def no_figure(reason: str) -> dict[str, Any]:
    """A figure that can't be given."""
    return {"value": None, "interval": None, "reason": reason}


def _rate(hits: Labels) -> dict[str, Any]:
    if not len(hits):
        return no_figure("no videos")
    low, high = wilson_interval(int(hits.sum()), len(hits))
    return {
        "value": round(float(hits.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "videos": len(hits),
    }


def _number(value: Any) -> float | int | None:
    if isinstance(value, np.integer):
        return int(value)
    return None if np.isnan(value) else round(float(value), 4)
