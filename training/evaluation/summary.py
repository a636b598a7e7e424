"""The first line of the report: whether the detector is worth anything, in words."""

from collections.abc import Mapping
from typing import Any

CHANCE = 0.5


def verdict_sentence(metrics: Mapping[str, Any]) -> str:
    """The result of `measure` in one plain sentence: better than chance, than the baselines?

    A difference counts only where its whole 95 % interval lies above 0, and a better AUC than
    chance only where its whole interval lies above 0.5.
    """
    area = metrics["figures"]["auc"]
    beaten, unbeaten = _compared(metrics)
    claims = []
    if not surely_above(area, CHANCE):
        claims.append("is not shown to be better than chance")
    if unbeaten:
        claims.append(f"does not beat {' nor '.join(unbeaten)}")
    besides = f" It does beat {' and '.join(beaten)}." if claims and beaten else ""
    if not claims:
        claims = [f"beats {' and '.join(beaten) or 'chance; it was compared with nothing else'}"]
    return (
        f"{metrics['detector']} on {metrics['dataset']} {' and '.join(claims)}: "
        f"AUC {figure_text(area)}, on {metrics['videos']} videos ({metrics['real']} real, "
        f"{metrics['fake']} fake).{besides}"
    )


def surely_above(figure: Mapping[str, Any], line: float) -> bool:
    """Whether the figure has an interval, and all of it lies above the line."""
    interval = figure["interval"]
    return interval is not None and interval[0] > line


def figure_text(figure: Mapping[str, Any], sign: str = "") -> str:
    """A figure as people read it: the value, and its interval or why there is none."""
    if figure["value"] is None:
        return f"no figure: {figure['reason']}"
    value = f"{figure['value']:{sign}.3f}"
    if figure["interval"] is None:
        return f"{value} (no interval: {figure['reason']})"
    low, high = figure["interval"]
    return f"{value} ({low:{sign}.3f} to {high:{sign}.3f})"


def _compared(metrics: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The baselines that are beaten and those that are not, each with its figures."""
    beaten: list[str] = []
    unbeaten: list[str] = []
    for name, found in metrics["baselines"].items():
        difference = found["auc_difference"]
        theirs = found["figures"]["auc"]["value"]
        by = f"{difference['value']:+.3f}, without an interval"
        if difference["interval"] is not None:
            by = figure_text(difference, "+")
        text = f"the {name} (AUC {theirs:.3f}, difference {by})"
        (beaten if surely_above(difference, 0) else unbeaten).append(text)
    return beaten, unbeaten
