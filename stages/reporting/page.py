"""The page that a person reads: `report.html`, made from the record and the pictures beside it.

It is one file that needs no network and runs no script. What a video's maker could write (names,
tags) is escaped, and characters that do not show are spelt out.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from ...record.schema import ScaleWords, ThresholdsPart, Verdict
from ...record.words import (
    INCONCLUSIVE,
    MEANING,
    NO_SIGNS,
    SCALE,
    SIGNS,
    STRONG_SIGNS,
    ErrorKind,
    error_rate,
    percent,
)
from ...storage.detector_record import DetectorRecord
from ..pages import open_templates
from .record_tables import (
    PAGE_FILE,
    custody_tables,
    detector_table,
    envelope_tables,
    examined_tables,
    how_tables,
    people_table,
    reviews_table,
)
from .strongest import sheet_of, strongest_of
from .timeline import NARROW, WIDE, draw_timeline
from .timestamps import moment

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE, STYLE = "report.html.j2", "report.css"
TONES: Mapping[ScaleWords, str] = {
    STRONG_SIGNS: "fake",
    SIGNS: "fake",
    INCONCLUSIVE: "unsure",
    NO_SIGNS: "real",
}

Review = tuple[str, str, str, str]  # when (ISO 8601), who, decision, note


@dataclass(frozen=True, slots=True)
class ScaleStep:
    """One step of the verbal scale."""

    words: str
    meaning: str
    tone: str
    here: bool


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that a reader looks for first."""

    name: str
    value: str
    remark: str


def write_page(record: Verdict, folder: Path, card: DetectorRecord | None = None) -> Path:
    """Write `report.html` into the folder that holds the verdict's pictures.

    Args:
        record: of verdict.json; what later releases or other stages add may be missing.
        folder: with heatmaps and the like; a picture that is not there is left out.
        card: the detector's own record, for what it learned from.

    Raises OSError when a picture can't be read or the page can't be written.
    """
    beside = folder / f".{PAGE_FILE}.{os.getpid()}"
    beside.write_text(render_page(record, folder, card), encoding="utf-8")
    return beside.replace(folder / PAGE_FILE)


def render_page(
    record: Verdict,
    folder: Path,
    card: DetectorRecord | None,
    reviews: Sequence[Review] = (),
) -> str:
    """The page's HTML. The same record and pictures give the same page.

    `reviews` are what people said of the video since; the published page has none.
    """
    style = (Path(__file__).parent / STYLE).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _templates().get_template(TEMPLATE).render(
        record=record,
        style=Markup(style),  # noqa: S704 (our own file)
        style_hash=digest,
        tone=TONES.get(record["words"]["scale"], "none"),
        steps=_steps(record),
        tiles=_tiles(record),
        charts=[(name, draw_timeline(record, width))
                for name, width in (("wide", WIDE), ("narrow", NARROW))],
        people=people_table(record),
        strongest=strongest_of(record, folder),
        sheet=sheet_of(record, folder),
        tables={
            "envelope": list(envelope_tables(record)),
            "examined": list(examined_tables(record)),
            "how": list(how_tables(record)),
            "detector": [detector_table(record, card)],
            "custody": list(custody_tables(record, folder)),
            "reviews": [reviews_table(reviews)] if reviews else [],
        },
    )  # fmt: skip


@cache
def _templates() -> "Environment":
    """Once a process: to compile the templates takes longer than to fill them."""
    templates = open_templates(Path(__file__).parent)
    templates.filters.update(moment=moment, unbroken=_unbroken)
    return templates


def _steps(record: Verdict) -> list[ScaleStep]:
    here = record["words"]["scale"]
    return [ScaleStep(words, MEANING[words], TONES[words], words == here) for words in SCALE]


def _tiles(record: Verdict) -> list[Tile]:
    if record["probability"] is None:
        return []
    thresholds = record["thresholds"]
    score = f"fake from {thresholds['fake']:.3f}, real up to {thresholds['real']:.3f}"
    return [
        Tile("Score, 0 to 1", f"{record['probability']:.3f}", score),
        _rate_tile("Real videos called fake", thresholds, "false_positive"),
        _rate_tile("Fakes called real", thresholds, "false_negative"),
    ]


def _rate_tile(name: str, thresholds: ThresholdsPart, kind: ErrorKind) -> Tile:
    rate, (low, high) = error_rate(thresholds, kind)
    interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    return Tile(name, percent(rate), interval)


def _unbroken(text: str) -> Markup:
    """With no line's end between a number and its sign."""
    return escape(text).replace(" %", Markup("&nbsp;%"))
