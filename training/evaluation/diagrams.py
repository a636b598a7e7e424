"""Which diagrams a report has, and what each shows in words."""

from collections.abc import Sequence
from pathlib import Path

from .material import ReportMaterial
from .metrics import Figures
from .plots import plot_confusion, plot_precision_recall, plot_reliability, plot_roc, plot_scores
from .report_page import Diagram
from .summary import figure_text
from .training_plots import Epoch, best_epoch, plot_curves, plot_labels


def draw_pictures(
    folder: Path, report: ReportMaterial, measured: Sequence[Figures]
) -> dict[str, Diagram]:
    """Draw every diagram that there is data for, as <name>.png in `folder`: name -> picture."""
    judged = report.judged
    plot_roc(folder / "roc.png", judged)
    plot_precision_recall(folder / "precision_recall.png", judged)
    plot_confusion(folder / "confusion.png", judged, measured)
    plot_reliability(folder / "reliability.png", judged)
    plot_scores(folder / "scores.png", judged)
    alts = {
        "roc": f"ROC curves: {_describe(measured, 'auc', 'AUC')}.",
        "precision_recall": f"Precision-recall curves: {_describe(measured, 'ap', 'AP')}.",
        "confusion": "Confusion matrices; their numbers are in the table of decisions.",
        "reliability": f"Reliability diagrams: {_describe(measured, 'calibration_error', 'ECE')}.",
        "scores": f"Histograms of probabilities by label, thresholds drawn: {_limits(measured)}.",
    }
    if report.curves:
        plot_curves(folder / "training_curves.png", report.curves, report.rows)
        alts["training_curves"] = _describe_curves(report.curves)
    if report.rows:
        plot_labels(folder / "labels.png", report.rows)
        alts["labels"] = f"Numbers of reals and fakes in each split, of {len(report.rows)} in all."
    return {name: Diagram(f"{name}.png", alt) for name, alt in alts.items()}


def _describe(measured: Sequence[Figures], name: str, short: str) -> str:
    return "; ".join(
        f"{one['detector']} on {one['dataset']}, {short} {figure_text(one['figures'][name])}"
        for one in measured
    )


def _limits(measured: Sequence[Figures]) -> str:
    return "; ".join(
        f"{one['detector']} on {one['dataset']}, real up to {one['thresholds']['real']:.3f}, "
        f"fake from {one['thresholds']['fake']:.3f}"
        for one in measured
    )


def _describe_curves(curves: Sequence[Epoch]) -> str:
    best, last = best_epoch(curves), curves[-1]
    return (
        f"Accuracy and loss by epoch. Kept: epoch {best['epoch']:.0f}, accuracy "
        f"{_accuracy(best, 'accuracy')} in training, {_accuracy(best, 'val_accuracy')} on "
        f"validation. The last, epoch {last['epoch']:.0f}: {_accuracy(last, 'accuracy')} and "
        f"{_accuracy(last, 'val_accuracy')}."
    )


def _accuracy(epoch: Epoch, what: str) -> str:
    """An epoch's figure as text: epoch 0, the start, was not measured in training."""
    value = epoch[what]
    return "not measured" if value is None else f"{value:.3f}"
