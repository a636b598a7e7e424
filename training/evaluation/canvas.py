"""What all diagrams share: size, colours, lettering. No state of pyplot is touched."""

from pathlib import Path
from typing import Any

WIDTH = 5.0  # inches: a phone shows letters of 10 points at a readable size
DPI = 160
# Okabe and Ito's palette, which the colour-blind can tell apart; lines differ in dashes, too.
REAL_COLOUR, FAKE_COLOUR, MARK = "#0072B2", "#D55E00", "#555555"
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":")


def new_figure(height: float, rows: int = 1) -> tuple[Any, list[Any]]:
    """A figure and its axes, one above the other, each `height` inches high."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height * rows), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#e4e4e4", linewidth=0.6)
        ax.set_axisbelow(True)
    return figure, list(axes)


def style(place: int) -> dict[str, Any]:
    """Colour and dashes of the line at this place among several."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": DASHES[place % len(DASHES)],
        "linewidth": 1.8,
    }


def legend_below(ax: Any) -> None:
    """Put the names of the lines under the axes, where they hide nothing."""
    from matplotlib.transforms import ScaledTranslation

    lower = ScaledTranslation(0, -0.5, ax.figure.dpi_scale_trans)  # inches, under the axis' name
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=ax.transAxes + lower,
        frameon=False,
        fontsize=9,
        handlelength=3,
    )


def title(ax: Any, text: str, below: str) -> None:
    """Set a title, and under it what was counted, wrapped to the width of a phone."""
    import textwrap

    lines = [*textwrap.wrap(text, 44), *textwrap.wrap(below, 52)]
    ax.set_title("\n".join(lines), fontsize=10, loc="left", parse_math=False)


def save(figure: Any, path: Path) -> None:
    """Write a PNG whose bytes are the same for the same data."""
    figure.savefig(path, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
