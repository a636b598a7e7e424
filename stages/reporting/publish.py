"""What the settings ask for, drawn and written into the work folder."""

from collections.abc import Mapping
from typing import Any

import cv2

from ..base import Context
from .drawing import paint
from .overlay import write_overlay
from .page import write_page
from .timeline import draw_timeline

TIMELINE_FILE, OVERLAY_FILE = "timeline.png", "overlay.mp4"

Record = Mapping[str, Any]  # of verdict.json


def draw(record: Record, context: Context) -> None:
    """`timeline.png` and `overlay.mp4`, where somebody was judged. Raises OSError."""
    settings = context.settings.report
    if not record["faces"]:
        return
    if settings.timeline:
        _write_timeline(record, context)
    if settings.overlay:
        frames = context.facts["frames"]
        write_overlay(context.work / OVERLAY_FILE, record, frames, context.progress)


def publish_page(record: Record, context: Context) -> None:
    """`report.html`; the pictures must be there already. Raises OSError."""
    if context.settings.report.html:
        write_page(record, context.work, context.detector.record)


def _write_timeline(record: Record, context: Context) -> None:
    drawing = draw_timeline(record, legend=True)
    path = context.work / TIMELINE_FILE
    if drawing and not cv2.imwrite(str(path), cv2.cvtColor(paint(drawing), cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write {path}")
