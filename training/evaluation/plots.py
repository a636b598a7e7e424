"""The diagrams of detectors on videos that were judged."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import FAKE_COLOUR, MARK, REAL_COLOUR, legend_below, new_figure, save, style, title
from .judged import DECISIONS, Judged
from .ranking import Ranking, RankingCurve, area, average_precision
from .reliability import calibration_error, reliability

SCORE_BINS = 40


def plot_roc(path: Path, judged: Sequence[Judged]) -> None:
    """ROC curves of detectors and baselines, one panel for each data set."""
    datasets = _by_dataset(judged)
    figure, axes = new_figure(5.6, len(datasets))
    for ax, (dataset, some) in zip(axes, datasets.items(), strict=True):
        for place, (name, curve) in enumerate(_curves(some)):
            ax.plot(
                curve.false_positives[0],
                curve.true_positives[0],
                label=f"{name}, AUC {area(curve)[0]:.3f}",
                **style(place),
            )
        ax.plot([0, 1], [0, 1], color=MARK, linewidth=0.8, label="chance, AUC 0.500")
        ax.set(xlabel="reals called fake (FPR)", ylabel="fakes found (TPR)", aspect="equal")
        title(ax, f"ROC, {dataset}", _all_counts(some))
        legend_below(ax)
    save(figure, path)


def plot_precision_recall(path: Path, judged: Sequence[Judged]) -> None:
    """Precision-recall curves of detectors and baselines, one panel for each data set."""
    datasets = _by_dataset(judged)
    figure, axes = new_figure(5.6, len(datasets))
    for ax, (dataset, some) in zip(axes, datasets.items(), strict=True):
        for place, (name, curve) in enumerate(_curves(some)):
            ax.step(
                curve.true_positives[0, 1:],
                curve.precision[0, 1:],
                where="pre",
                label=f"{name}, AP {average_precision(curve)[0]:.3f}",
                **style(place),
            )
        for share in sorted({float(one.fake.mean()) for one in some}):
            ax.axhline(share, color=MARK, linewidth=0.8, label=f"chance, AP {share:.3f}")
        ax.set(xlabel="fakes found (recall)", ylabel="fakes among those found (precision)")
        ax.set(xlim=(-0.02, 1.02), ylim=(0, 1.02))
        title(ax, f"Precision and recall, {dataset}", _all_counts(some))
        legend_below(ax)
    save(figure, path)


def plot_confusion(path: Path, judged: Sequence[Judged], metrics: Sequence[Any]) -> None:
    """The confusion matrix: labels against decisions, with numbers and shares."""
    figure, axes = new_figure(2.9, len(judged))
    for ax, one, measured in zip(axes, judged, metrics, strict=True):
        table = measured["confusion"]
        counts = np.array([[table[label][decision] for decision in DECISIONS] for label in table])
        shares = counts / counts.sum(axis=1, keepdims=True)
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), count in np.ndenumerate(counts):
            dark = shares[row, column] > 0.7
            ax.text(
                column,
                row,
                f"{count}\n{shares[row, column]:.0%}",
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
        ax.set_xticks(range(len(DECISIONS)), [f"called\n{decision}" for decision in DECISIONS])
        ax.set_yticks(range(len(table)), [f"is {label}" for label in table])
        ax.grid(visible=False)
        title(ax, f"Decisions, {one.detector}", f"{one.dataset}: {_counts(one)}")
    save(figure, path)


def plot_reliability(path: Path, judged: Sequence[Judged]) -> None:
    """Predicted against observed, in bins of equal mass, with the number of videos."""
    figure, axes = new_figure(4.6, len(judged))
    for ax, one in zip(axes, judged, strict=True):
        bins = reliability(one.probability, one.fake)
        error = calibration_error(one.probability, one.fake)
        ax.plot([0, 1], [0, 1], color=MARK, linewidth=0.8)
        ax.plot(bins.predicted, bins.observed, marker="o", **style(1))
        for predicted, observed, videos in zip(
            bins.predicted, bins.observed, bins.videos, strict=True
        ):
            ax.annotate(
                str(videos),
                (predicted, observed),
                xytext=(5, -11),
                textcoords="offset points",
                fontsize=7,
            )
        ax.set(xlabel="probability of fake that was said", ylabel="share of fakes that was found")
        ax.set(xlim=(-0.03, 1.06), ylim=(-0.06, 1.03))
        title(
            ax,
            f"Reliability, {one.detector}",
            f"{one.dataset}: {_counts(one)}; ECE {error:.3f}; small figures: videos a bin",
        )
    save(figure, path)


def plot_scores(path: Path, judged: Sequence[Judged]) -> None:
    """Histograms of the probabilities by label, with the thresholds."""
    figure, axes = new_figure(3.8, len(judged))
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    for ax, one in zip(axes, judged, strict=True):
        for label, of, colour, hatch in (
            ("real", ~one.fake, REAL_COLOUR, ""),
            ("fake", one.fake, FAKE_COLOUR, "////"),
        ):
            ax.hist(
                one.probability[of],
                edges,
                weights=np.full(int(of.sum()), 100 / of.sum()),
                label=f"{label} ({of.sum()})",
                color=colour,
                alpha=0.55,
                hatch=hatch,
                edgecolor=colour,
                linewidth=0.4,
            )
        _draw_thresholds(ax, one)
        ax.set(xlabel="probability of fake", ylabel="% of the label's videos", xlim=(0, 1))
        title(ax, f"Probabilities, {one.detector}", f"{one.dataset}: {_counts(one)}")
        legend_below(ax)
    save(figure, path)


def _draw_thresholds(ax: Any, judged: Judged) -> None:
    for at, what, dashes in (
        (judged.thresholds.real, "real up to", ":"),
        (judged.thresholds.fake, "fake from", "--"),
    ):
        ax.axvline(at, color="black", linestyle=dashes, linewidth=1.3, label=f"{what} {at:.3f}")


def _curves(judged: Sequence[Judged]) -> Iterator[tuple[str, RankingCurve]]:
    """The curves of detectors, then of their baselines; where there are several detectors, each
    baseline is named after its own."""
    for one in judged:
        yield one.detector, _curve(one.probability, one.fake)
    for one in judged:
        for name, scores in one.baselines.items():
            yield name if len(judged) == 1 else f"{one.detector}: {name}", _curve(scores, one.fake)


def _curve(scores: NDArray[Any], fake: NDArray[np.bool_]) -> RankingCurve:
    return Ranking(scores, fake).curve(np.ones((1, len(fake))))


def _by_dataset(judged: Sequence[Judged]) -> Mapping[str, list[Judged]]:
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.dataset, []).append(one)
    return found


def _all_counts(judged: Sequence[Judged]) -> str:
    """The counts of each detector: it may be unable to judge some videos."""
    counts = {_counts(one) for one in judged}
    if len(counts) == 1:
        return counts.pop()
    return "; ".join(f"{one.detector}: {_counts(one)}" for one in judged)


def _counts(judged: Judged) -> str:
    fakes = int(judged.fake.sum())
    return f"{len(judged.fake)} videos, {len(judged.fake) - fakes} real and {fakes} fake"
