"""The tables of figures: detectors and baselines side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...stages.pages import NOTHING, Table, plain, words
from .metrics import Figures
from .summary import figure_text

FIGURES = {
    "auc": "AUC",
    "eer": "equal error rate",
    "ap": "average precision",
    "tpr_at_1_percent_fpr": "fakes found at 1 % false alarms",
    "tpr_at_5_percent_fpr": "fakes found at 5 % false alarms",
    "balanced_accuracy": "balanced accuracy at 0.5",
    "accuracy": "accuracy at 0.5",
    "brier": "Brier score",
    "calibration_error": "ECE, labels as in the data",
    "balanced_calibration_error": "ECE, both labels weighing the same",
}
RATES = {
    "reals_called_fake": ("reals called fake", "false_positive"),
    "fakes_called_real": ("fakes called real", "false_negative"),
    "inconclusive": ("inconclusive", ""),
}
MAJORITY = "majority class"


def figures_table(dataset: str, measured: Sequence[Figures]) -> Table:
    """Every figure of one data set: detectors, then their baselines, then the majority class."""
    columns = [(one["detector"], one["figures"]) for one in measured]
    for one in measured:
        named = "" if len(measured) == 1 else f"{one['detector']}: "
        columns += [(named + name, found["figures"]) for name, found in one["baselines"].items()]
    majority = measured[0]["majority_class"]
    rows = [
        [label, *(_cell(figures, name) for _, figures in columns), _exact(majority, name)]
        for name, label in FIGURES.items()
    ]
    always = f"{MAJORITY} (always {majority['says']})"
    counts = ", ".join(sorted({_counts(one) for one in measured}))
    return Table(f"{dataset}: {counts}", ["figure", *(name for name, _ in columns), always], rows)


def differences_table(measured: Figures) -> Table | None:
    """By how much the detector's AUC exceeds each baseline's; None without baselines."""
    rows = [
        [name, figure_text(found["auc_difference"], "+")]
        for name, found in measured["baselines"].items()
    ]
    caption = f"AUC of {measured['detector']} less that of a baseline, on {measured['dataset']}"
    return Table(caption, ["baseline", "difference"], rows) if rows else None


def decisions_table(measured: Figures) -> Table:
    """How often decisions are wrong here, beside what the detector's record states."""
    stated = measured["thresholds"]
    caption = (
        f"{measured['detector']} on {measured['dataset']}: fake from {stated['fake']:.3f}, real up "
        f"to {stated['real']:.3f}, inconclusive between"
    )
    head = ["decision", "here", f"stated by the detector, measured on: {stated['measured_on']}"]
    rows = []
    for name, (label, key) in RATES.items():
        figure = {"value": stated["inconclusive_rate"], "interval": None}
        if key:
            figure = {"value": stated[f"{key}_rate"], "interval": stated[f"{key}_interval"]}
        rows.append([label, percent(measured["decisions"][name]), percent(figure)])
    return Table(caption, head, rows)


def classification_table(measured: Figures) -> Table:
    """The classification report at a probability of 0.5."""
    report = measured["classification_at_half"]
    head = ["label", "precision", "recall", "F1", "videos"]
    rows = [
        [label, *(plain(row[name]) for name in ("precision", "recall", "f1", "support"))]
        for label, row in report.items()
    ]
    caption = f"{measured['detector']} on {measured['dataset']}, called fake from 0.5 up"
    return Table(caption, head, rows)


def confusion_table(measured: Figures) -> Table:
    """Labels against decisions, in numbers of videos."""
    rows = [
        [f"is {label}", *(str(count) for count in row.values())]
        for label, row in measured["confusion"].items()
    ]
    head = ["", *(f"called {decision}" for decision in measured["confusion"]["real"])]
    return Table(f"{measured['detector']} on {measured['dataset']}", head, rows)


def trait_tables(measured: Figures) -> list[Table]:
    """A table for each trait: where the detector is weak."""
    head = ["", "real", "fake", "AUC", *(label for label, _ in RATES.values())]
    tables = []
    for trait, parts in measured["traits"].items():
        rows = [
            [
                part["value"],
                str(part["real"]),
                str(part["fake"]),
                NOTHING if part["auc"]["value"] is None else figure_text(part["auc"]),
                *(percent(part[name]) for name in RATES),
            ]
            for part in parts
        ]
        caption = f"By {trait}: {measured['detector']} on {measured['dataset']}"
        tables.append(Table(caption, head, rows))
    return tables


def cross_table(measured: Sequence[Figures]) -> Table:
    """AUC of each detector on each data set."""
    found = {(one["detector"], one["dataset"]): one["figures"]["auc"] for one in measured}
    datasets = list(dict.fromkeys(one["dataset"] for one in measured))
    detectors = list(dict.fromkeys(one["detector"] for one in measured))
    rows = [
        [
            name,
            *(figure_text(found[name, on]) if (name, on) in found else NOTHING for on in datasets),
        ]
        for name in detectors
    ]
    return Table("AUC of each detector on each data set", ["detector", *datasets], rows)


def sides_table(caption: str, sides: Mapping[str, Mapping[str, Any]]) -> Table:
    """Named values of several sides, a row for each. Values that are not single, such as curves,
    appear only in metrics.json."""
    names = list(
        dict.fromkeys(
            name
            for side in sides.values()
            for name, value in side.items()
            if not isinstance(value, Mapping | Sequence) or isinstance(value, str)
        )
    )
    rows = [[words(name), *(plain(side.get(name)) for side in sides.values())] for name in names]
    return Table(caption, ["", *(words(side) for side in sides)], rows)


def percent(figure: Mapping[str, Any]) -> str:
    """A rate with its interval, in per cent."""
    if figure["value"] is None:
        return NOTHING
    value = f"{100 * figure['value']:.1f} %"
    if figure["interval"] is None:
        return value
    low, high = figure["interval"]
    return f"{value} ({100 * low:.1f} to {100 * high:.1f})"


def _cell(figures: Mapping[str, Any], name: str) -> str:
    return figure_text(figures[name]) if name in figures else NOTHING


def _exact(majority: Mapping[str, Any], name: str) -> str:
    return f"{majority[name]:.3f}" if name in majority else NOTHING


def _counts(measured: Figures) -> str:
    return f"{measured['videos']} videos ({measured['real']} real, {measured['fake']} fake)"
