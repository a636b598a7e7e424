"""The closing stage: it turns the facts into the record, and that into what people look at."""

import time
from collections.abc import Mapping
from typing import Any

import cv2

from ..record.file import write_record
from ..record.schema import Verdict
from ..storage.times import iso
from .base import Context
from .chain import Timing
from .reporting.drawing import paint
from .reporting.overlay import write_overlay
from .reporting.page import write_page
from .reporting.timeline import draw_timeline
from .verdict import compose

TIMELINE_FILE, OVERLAY_FILE = "timeline.png", "overlay.mp4"


class Report:
    """Gives the record as the fact `verdict`, and writes into the work folder.

    `verdict.json` is the record. `report.html` is a page made from it and from the pictures in
    the folder; `timeline.png` is its chart; `overlay.mp4` the video with scores drawn over it.
    Each of the three can be left out (`[report]` in the settings). The record comes last: it
    may speak of every other file in the folder.
    """

    name = "report"
    version = "2"
    needs: frozenset[str] = frozenset()
    gives = frozenset({"verdict"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        begun = time.perf_counter()
        record = compose(context, Timing(self.name, self.version, 0.0))
        _draw(record, context)
        record["finished_at"] = iso(time.time())  # the pictures took their time
        if context.settings.report.html:
            write_page(record, context.work, context.detector.record)
        # All but the writing of the file itself, which can't be timed inside that file.
        record["stages"][-1]["seconds"] = round(time.perf_counter() - begun, 4)
        write_record(record, context.work)
        return {"verdict": record}


def _draw(record: Verdict, context: Context) -> None:
    """`timeline.png` and `overlay.mp4`, where somebody was judged. Raises OSError."""
    settings = context.settings.report
    if not record["faces"]:
        return
    if settings.timeline:
        _write_timeline(record, context)
    if settings.overlay:
        frames = context.facts["frames"]
        write_overlay(context.work / OVERLAY_FILE, record, frames, context.progress)


def _write_timeline(record: Verdict, context: Context) -> None:
    drawing = draw_timeline(record, legend=True)
    path = context.work / TIMELINE_FILE
    if drawing and not cv2.imwrite(str(path), cv2.cvtColor(paint(drawing), cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write {path}")
