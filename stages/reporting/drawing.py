"""A drawing as shapes with a kind each: the page draws them as SVG, `paint` as pixels.

One list of shapes stands behind both, so the picture beside the page shows what the page shows.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..media.video import Image

Point = tuple[float, float]
Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
# Kinds of shapes and their colours on white; the page's style sheet has its own for each.
COLOURS: dict[str, Colour] = {
    "plot": (246, 247, 249),
    "band": (226, 221, 208),
    "attention": (88, 102, 126),
    "grid": (205, 209, 216),
    "fake": (163, 53, 20),
    "real": (13, 92, 140),
    "score": (20, 24, 32),
    "dot": (20, 24, 32),
    "ring": (163, 53, 20),
    "title": (20, 24, 32),
    "tick": (74, 82, 96),
    "note": (74, 82, 96),
}
DASHED = {"fake": (7, 4), "real": (2, 4)}  # drawn and left out, in units of the drawing
WEIGHT = {"score": 1.8, "ring": 2.0, "fake": 1.4, "real": 1.4}
TEXT_SCALE = 0.03  # of Hershey's letters, for a size of one unit
SHARPNESS = 2  # pixels of the picture a unit
FRACTION_BITS = 4  # of a pixel, in the coordinates that OpenCV is given


@dataclass(frozen=True, slots=True)
class Area:
    """A filled rectangle."""

    form: ClassVar[str] = "area"
    kind: str
    x: float
    y: float
    width: float
    height: float
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points; of a kind in `DASHED`, a level one between two."""

    form: ClassVar[str] = "path"
    kind: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A disc, or for the kind `ring` a circle."""

    form: ClassVar[str] = "dot"
    kind: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; `anchor` is start, middle or end."""

    form: ClassVar[str] = "label"
    kind: str
    x: float
    y: float  # of the base line
    text: str
    size: float
    anchor: str = "start"


Shape = Area | Path | Dot | Label


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a sheet, the later over the earlier; lengths in units of the sheet."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def paint(drawing: Drawing) -> Image:
    """The drawing on white, RGB, `SHARPNESS` pixels a unit."""
    size = (round(drawing.height * SHARPNESS), round(drawing.width * SHARPNESS), 3)
    canvas = np.full(size, WHITE, np.uint8)
    for shape in drawing.shapes:
        _PAINTERS[type(shape)](canvas, shape)
    return canvas


def _paint_area(canvas: Image, area: Area) -> None:
    left, top = (round(SHARPNESS * side) for side in (area.x, area.y))
    right = round(SHARPNESS * (area.x + area.width))
    bottom = round(SHARPNESS * (area.y + area.height))
    part = canvas[top:bottom, left:right].astype(np.float32)
    colour = np.array(COLOURS[area.kind], np.float32)
    canvas[top:bottom, left:right] = np.round(part + area.opacity * (colour - part))


def _paint_path(canvas: Image, path: Path) -> None:
    weight = max(1, round(SHARPNESS * WEIGHT.get(path.kind, 1.0)))
    for line in _dashes(path):
        cv2.polylines(
            canvas, [_fixed(line)], False, COLOURS[path.kind], weight, cv2.LINE_AA, FRACTION_BITS
        )


def _dashes(path: Path) -> list[tuple[Point, ...]]:
    """The path itself, or the dashes of a level line."""
    if path.kind not in DASHED or not path.points:
        return [path.points]
    (left, y), (right, _) = path.points
    drawn, left_out = DASHED[path.kind]
    starts = np.arange(left, right, drawn + left_out)
    return [((float(x), y), (min(float(x) + drawn, right), y)) for x in starts]


def _paint_dot(canvas: Image, dot: Dot) -> None:
    ((centre),) = _fixed(((dot.x, dot.y),))
    radius = round(dot.radius * SHARPNESS * 2**FRACTION_BITS)
    weight = round(SHARPNESS * WEIGHT["ring"]) if dot.kind == "ring" else -1
    place = (int(centre[0]), int(centre[1]))
    cv2.circle(canvas, place, radius, COLOURS[dot.kind], weight, cv2.LINE_AA, FRACTION_BITS)


def _paint_label(canvas: Image, label: Label) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, label.size * SHARPNESS * TEXT_SCALE
    weight = 2 if label.kind == "title" else 1
    (width, _), _ = cv2.getTextSize(label.text, font, scale, weight)
    shift = {"start": 0, "middle": width / 2, "end": width}[label.anchor]
    place = (round(label.x * SHARPNESS - shift), round(label.y * SHARPNESS))
    colour = COLOURS[label.kind]
    cv2.putText(canvas, label.text, place, font, scale, colour, weight, cv2.LINE_AA)


def _fixed(points: tuple[Point, ...]) -> NDArray[np.int32]:
    return np.array(np.round(np.array(points) * SHARPNESS * 2**FRACTION_BITS), np.int32)


_PAINTERS: dict[type, Any] = {
    Area: _paint_area,
    Path: _paint_path,
    Dot: _paint_dot,
    Label: _paint_label,
}
