"""The diagrams of a training run: its data and its epochs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..datasets.rows import FAKE, REAL, SPLITS, TRAIN, UNUSED, VAL, Row
from .canvas import FAKE_COLOUR, MARK, REAL_COLOUR, legend_below, new_figure, save, title

PARTS = (("", "training", REAL_COLOUR, "--"), ("val_", "validation", FAKE_COLOUR, "-"))


# epoch, loss, accuracy, val_loss, val_accuracy, val_auc. Epoch 0 is the start, before any training:
# there loss and accuracy are None.
Epoch = Mapping[str, float | None]


def best_epoch(curves: Sequence[Epoch]) -> Epoch:
    """The epoch whose weights were kept: the first with the highest AUC on validation."""
    return max(curves, key=lambda epoch: _number(epoch["val_auc"], -math.inf))


def plot_curves(path: Path, curves: Sequence[Epoch], rows: Sequence[Row]) -> None:
    """Accuracy and loss by epoch, training and validation, with the best epoch marked.

    None leaves a gap in the line. `rows` of the data set are counted; they may be empty.
    """
    figure, axes = new_figure(3.6, 2)
    best = best_epoch(curves)
    epochs = [epoch["epoch"] for epoch in curves]
    train, val = (sum(row.split == split for row in rows) for split in (TRAIN, VAL))
    counted = f", {train} videos or images for training, {val} for validation" if rows else ""
    for ax, what in zip(axes, ("accuracy", "loss"), strict=True):
        for prefix, name, colour, dashes in PARTS:
            values = [_number(epoch[prefix + what], math.nan) for epoch in curves]
            ax.plot(epochs, values, dashes, marker=".", color=colour, linewidth=1.8, label=name)
        kept = f"kept: epoch {best['epoch']:.0f}, AUC {best['val_auc']:.3f} on validation"
        ax.axvline(best["epoch"], color=MARK, linestyle=":", linewidth=1.5, label=kept)
        ax.set(xlabel="epoch", ylabel=what)
        ax.xaxis.get_major_locator().set_params(integer=True)
        title(ax, f"{what.capitalize()} by epoch", f"{curves[-1]['epoch']:.0f} epochs{counted}")
    legend_below(axes[-1])
    save(figure, path)


def plot_labels(path: Path, rows: Sequence[Row]) -> None:
    """Numbers of reals and fakes in each split."""
    splits = [split for split in (*SPLITS, UNUSED, "") if any(row.split == split for row in rows)]
    figure, (ax,) = new_figure(1.3 + 0.8 * len(splits))
    for shift, label, name, colour, hatch in (
        (-0.2, REAL, "real", REAL_COLOUR, ""),
        (0.2, FAKE, "fake", FAKE_COLOUR, "////"),
    ):
        counts = [
            sum(row.split == split and row.label == label for row in rows) for split in splits
        ]
        at = [place + shift for place in range(len(splits))]
        bars = ax.barh(
            at, counts, 0.38, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=name
        )
        ax.bar_label(bars, padding=3, fontsize=9)
    ax.set_yticks(range(len(splits)), [split or "not decided" for split in splits])
    ax.invert_yaxis()
    ax.margins(x=0.14)
    ax.grid(visible=False, axis="y")
    ax.set(xlabel="videos or images")
    title(ax, "Labels by split", f"{len(rows)} videos or images")
    ax.legend(frameon=False, fontsize=9, loc="best")
    save(figure, path)


def _number(value: float | None, unknown: float) -> float:
    return unknown if value is None else value
