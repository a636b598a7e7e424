"""Figures for parts of the data: small faces, dark pictures, one method of manipulation."""

from typing import Any

import numpy as np

from ..array_types import Labels
from .bootstrap import draw_groups, with_intervals
from .decisions import decision_rates, no_figure
from .judged import Judged
from .ranking import Ranking, area
from .traits import METHOD, UNKNOWN, in_order

FEWEST_VIDEOS = 10  # videos of each label that a figure needs


def trait_rows(judged: Judged, trait: str, seed: int, resamples: int) -> list[dict[str, Any]]:
    """A row for each value: numbers of videos, and figures where there are enough of them.

    A method of manipulation has only fakes, which are ranked against all reals.
    """
    values = np.array(judged.traits[trait], dtype=str)
    if trait == METHOD:
        present = list(values[judged.fake])
        return [
            _part(judged, value, ((values == value) & judged.fake) | ~judged.fake, seed, resamples)
            for value in in_order(trait, present)
        ]
    return [
        _part(judged, value, values == value, seed, resamples)
        for value in in_order(trait, list(values))
    ]


def _part(judged: Judged, value: str, chosen: Labels, seed: int, resamples: int) -> dict[str, Any]:
    fake = judged.fake[chosen]
    called = tuple(np.array(judged.decision)[chosen])
    reals, fakes = int((~fake).sum()), int(fake.sum())
    rates = decision_rates(called, fake)
    few = {
        "reals_called_fake": reals < FEWEST_VIDEOS,
        "fakes_called_real": fakes < FEWEST_VIDEOS,
        "inconclusive": len(fake) < FEWEST_VIDEOS,
    }
    enough = min(reals, fakes) >= FEWEST_VIDEOS
    return {
        "value": "unknown" if value == UNKNOWN else value,
        "real": reals,
        "fake": fakes,
        "auc": _part_auc(judged, chosen, seed, resamples) if enough else _few(),
        **{name: _few() if few[name] else rate for name, rate in rates.items()},
    }


def _part_auc(judged: Judged, chosen: Labels, seed: int, resamples: int) -> dict[str, Any]:
    fake = judged.fake[chosen]
    groups = [group for group, there in zip(judged.groups, chosen, strict=True) if there]
    ranking = Ranking(judged.probability[chosen], fake)
    draws = draw_groups(groups, fake, seed, resamples)
    measured = with_intervals(lambda weights: {"auc": area(ranking.curve(weights))}, draws)
    return dict(measured["auc"])


def _few() -> dict[str, Any]:
    return no_figure(f"fewer than {FEWEST_VIDEOS} videos of a label")
