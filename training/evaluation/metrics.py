"""Every figure of the report, as a dict of strict JSON values.

A figure is {"value", "interval": [low, high]}; where one of them is None, "reason" says why.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_types import Labels
from .bootstrap import DrawnFigures, Draws, Weights, draw_groups, with_intervals
from .decisions import HALF, classification, confusion, decision_rates, majority_class, no_figure
from .judged import Judged
from .parts import trait_rows
from .ranking import Ranking, RankingCurve, area, average_precision, equal_error_rate, found_at
from .reliability import balance, bin_places, weighted_errors

REALS = {"tpr_at_1_percent_fpr": 100, "tpr_at_5_percent_fpr": 20}  # for one false alarm
RANKING: Mapping[str, Callable[[RankingCurve], NDArray[np.float64]]] = {
    "auc": area,
    "eer": equal_error_rate,
    "ap": average_precision,
    "tpr_at_1_percent_fpr": found_at(0.01),
    "tpr_at_5_percent_fpr": found_at(0.05),
}


Figures = Mapping[str, Any]  # as `measure` returns them


def measure(judged: Judged, seed: int, resamples: int = 1000) -> dict[str, Any]:
    """All figures of one detector on one data set, with 95 % intervals.

    Rates of decisions have Wilson's intervals; all others come from the bootstrap over groups.
    Raises `UserError` when only one label was judged.
    """
    draws = draw_groups(judged.groups, judged.fake, seed, resamples)
    called = judged.probability >= HALF
    return {
        "detector": judged.detector,
        "dataset": judged.dataset,
        "videos": len(judged.fake),
        "real": int((~judged.fake).sum()),
        "fake": int(judged.fake.sum()),
        "left_out": len(judged.left_out),
        "groups": int(draws.counts.shape[1]),
        "resamples": resamples,
        "redrawn": draws.redrawn,
        "figures": rank_figures(judged.probability, judged.fake, draws)
        | probability_figures(judged.probability, judged.fake, draws),
        "decisions": decision_rates(judged.decision, judged.fake),
        "thresholds": judged.thresholds.model_dump(mode="json"),
        "classification_at_half": classification(called, judged.fake),
        "confusion": confusion(judged.decision, judged.fake),
        "majority_class": majority_class(judged.fake),
        "baselines": {
            name: compare(judged.probability, scores, judged.fake, draws)
            for name, scores in judged.baselines.items()
        },
        "traits": {
            trait: trait_rows(judged, trait, seed, resamples)
            for trait, values in judged.traits.items()
            if any(values)
        },
    }


def rank_figures(scores: NDArray[Any], fake: Labels, draws: Draws) -> dict[str, Any]:
    """Figures that need only an order: AUC, EER, AP and TPR at low FPRs."""
    ranking, reals = Ranking(scores, fake), int((~fake).sum())
    silent = {name: needed for name, needed in REALS.items() if reals < needed}

    def figures(weights: Weights) -> DrawnFigures:
        curve = ranking.curve(weights)
        return {name: found(curve) for name, found in RANKING.items() if name not in silent}

    return with_intervals(figures, draws) | {
        name: no_figure(f"{reals} real videos, it needs {needed}")
        for name, needed in silent.items()
    }


def probability_figures(probability: NDArray[Any], fake: Labels, draws: Draws) -> dict[str, Any]:
    """Figures that need calibrated probabilities: accuracies at 0.5, Brier score and ECE."""
    right = ((probability >= HALF) == fake).astype(np.float64)
    square, places = (probability - fake) ** 2, bin_places(probability)

    def figures(weights: Weights) -> DrawnFigures:
        even, total = balance(weights, fake), weights.sum(axis=1)
        return {
            "balanced_accuracy": even @ right / 2,
            "accuracy": weights @ right / total,
            "brier": weights @ square / total,
            "calibration_error": weighted_errors(weights, probability, fake, places),
            "balanced_calibration_error": weighted_errors(even, probability, fake, places),
        }

    return with_intervals(figures, draws)


def compare(
    probability: NDArray[Any], baseline: NDArray[Any], fake: Labels, draws: Draws
) -> dict[str, Any]:
    """A baseline's figures, and by how much the detector's AUC exceeds its AUC, draw by draw."""
    ours, theirs = Ranking(probability, fake), Ranking(baseline, fake)

    def difference(weights: Weights) -> DrawnFigures:
        return {"auc_difference": area(ours.curve(weights)) - area(theirs.curve(weights))}

    return {"figures": rank_figures(baseline, fake, draws)} | with_intervals(difference, draws)
