"""Drawing: heat over a face, and the sheet that puts a video's heatmaps side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..facts import Box, Judgement
from ..media.video import Image
from .activation import Heat, enlarge_heat
from .faithfulness import Faithfulness

LONGEST_SIDE = 1280  # pixels of a published frame
CELL_HEIGHT = 300  # pixels of a picture on the sheet
FRAME_WIDTH = 480
GAP = 16
HEADER = 112
LABEL = 56
FULLY_SEEN = 0.5  # heat from which on the colours are as opaque as they get
WHITE, BLACK, GREY, RED = (255, 255, 255), (20, 20, 20), (110, 110, 110), (200, 0, 0)
STAMP_WIDTH, STAMP_HEIGHT = 0.9, 0.04  # of the frame, at most
FONT = cv2.FONT_HERSHEY_SIMPLEX
SHEET_WIDTH = 4 * GAP + FRAME_WIDTH + 2 * CELL_HEIGHT


NO_BETTER = "no better than chance"


@dataclass(frozen=True, slots=True)
class Caption:
    """What the sheet says about one heatmap."""

    method: str
    label: str  # which frame of which person, and its figures
    empty: bool  # no heat at all
    check: Faithfulness | None  # None when it was not checked

    @property
    def failed(self) -> bool:
        """Whether the map was checked and is no better than chance."""
        return self.check is not None and not self.check.better_than_chance

    def remark(self) -> str:
        """How far the map can be trusted."""
        if self.empty:
            return "nothing here raised the score"
        if self.check is None:
            return "not checked against chance"
        return (
            f"{NO_BETTER if self.failed else 'better than chance'}:   deletion "
            f"{self.check.deletion:.4f}   insertion {self.check.insertion:.4f}   "
            f"random {self.check.chance}"
        )


@dataclass(frozen=True, slots=True)
class Panel:
    """One explained frame, RGB: the whole frame, its face without and with heat, the caption."""

    frame: Image
    face: Image
    heated_face: Image
    caption: Caption


def overlay_heat(image: Image, heat: Heat, box: Box, opacity: float) -> Image:
    """Lay `heat` (rows, columns; 0..1) over the face in `box` of a copy of the RGB `image`.

    Jet colours, red is high; where the heat is 0 the picture shows through untouched.
    """
    x, y, width, height = box
    full = _stretch(heat, box, image.shape[1], image.shape[0])
    alpha = (opacity * np.minimum(full / FULLY_SEEN, 1))[..., None]
    part = image[y : y + height, x : x + width].astype(np.float32)
    result = image.copy()
    result[y : y + height, x : x + width] = np.round(part + alpha * (jet(full) - part))
    return result


def jet(heat: Heat) -> Heat:
    """Colours (rows, columns, 3), RGB 0..255, for heat 0..1."""
    levels = np.round(heat * 255).astype(np.uint8)
    return cv2.applyColorMap(levels, cv2.COLORMAP_JET)[..., ::-1].astype(np.float32)


def draw_panel(image: Image, heated: Image, box: Box, caption: Caption) -> Panel:
    """Outline the face in the whole frame and set its close-ups beside it.

    A map that is no better than chance says so in the frame itself: pictures travel alone.
    """
    x, y, width, height = box
    near = (slice(y, y + height), slice(x, x + width))
    frame = _outlined(heated, box)
    if caption.failed:
        low = y + height / 2 > image.shape[0] / 2
        _stamp(frame, f"{caption.method}: {NO_BETTER}", at_top=low)
    return Panel(
        frame=frame,
        face=_fit(image[near], CELL_HEIGHT, CELL_HEIGHT),
        heated_face=_fit(heated[near], CELL_HEIGHT, CELL_HEIGHT),
        caption=caption,
    )


def draw_sheet(panels: Sequence[Panel], judgement: Judgement) -> Image:
    """One row a panel: whole frame, face as it is, face with heat; a legend above."""
    row_height = LABEL + CELL_HEIGHT + GAP
    sheet = np.full((HEADER + max(1, len(panels)) * row_height, SHEET_WIDTH, 3), 255, np.uint8)
    _draw_header(sheet, judgement)
    if not panels:
        _write(sheet, "No heatmaps were asked for (gradcam.count is 0).", GAP, HEADER + 24, GREY)
    for row, panel in enumerate(panels):
        _draw_row(sheet, panel, HEADER + row * row_height)
    return sheet


def _stretch(heat: Heat, box: Box, frame_width: int, frame_height: int) -> Heat:
    """Heat for each pixel of `box`. The network saw a whole square: where the frame's edge cut
    the box, the part of the heat beyond the edge is dropped."""
    x, y, width, height = box
    across = down = max(width, height)
    if box == (0, 0, frame_width, frame_height):  # a whole frame, pressed into the square
        across, down = width, height
    full = enlarge_heat(heat, across, down)
    left = across - width if x == 0 else 0  # cut on the left, else on the right or not at all
    top = down - height if y == 0 else 0
    return np.clip(full[top : top + height, left : left + width], 0, 1)


def shrink(image: Image) -> Image:
    """The frame with no side longer than `LONGEST_SIDE`: always a copy."""
    scale = LONGEST_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image.copy()
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.array(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _outlined(image: Image, box: Box) -> Image:
    """The frame, shrunk, with the box drawn in white on black."""
    frame = shrink(image)
    scale = frame.shape[1] / image.shape[1]
    x, y, width, height = (round(side * scale) for side in box)
    thin = max(1, round(max(frame.shape[:2]) / 800))
    corners = (x, y), (x + width - 1, y + height - 1)
    cv2.rectangle(frame, *corners, BLACK, 3 * thin)
    cv2.rectangle(frame, *corners, WHITE, thin)
    return frame


def _stamp(frame: Image, text: str, *, at_top: bool) -> None:
    """Write one line on a dark band, as large as fits within `STAMP_WIDTH` and `STAMP_HEIGHT`."""
    height, width = frame.shape[:2]
    (wide, high), _ = cv2.getTextSize(text, FONT, 1.0, 1)
    scale = min(STAMP_WIDTH * width / wide, STAMP_HEIGHT * height / high)
    band = round(2 * high * scale)
    top = 0 if at_top else height - band
    frame[top : top + band] = BLACK
    weight = 2 if scale > 0.8 else 1
    where = round(high * scale), top + round(1.5 * high * scale)
    _write(frame, text, *where, WHITE, scale, weight)


def _fit(image: Image, width: int, height: int) -> Image:
    """The image as large as fits, in the middle of a white (height, width, 3)."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.full((height, width, 3), 255, np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(
        image, size, interpolation=method
    )
    return canvas


def _draw_header(sheet: Image, judgement: Judgement) -> None:
    title = "What raised the fake score"
    verdict = f"verdict: {judgement.decision}, probability of fake {judgement.probability:.2f}"
    _write(sheet, title, GAP, 34, BLACK, 0.9, 2)
    _write(sheet, verdict, GAP, 62, BLACK)
    _write(sheet, "left: the frame   middle: the face   right: the face with the heatmap", GAP, 88)
    _draw_legend(sheet, SHEET_WIDTH - GAP - 2 * CELL_HEIGHT + 160, 18)


def _draw_legend(sheet: Image, left: int, top: int) -> None:
    width = SHEET_WIDTH - GAP - left
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (18, 1))
    sheet[top : top + 18, left : left + width] = jet(ramp)
    _write(sheet, "raised it not at all", left, top + 36, scale=0.45)
    end = "raised it most"
    (text, _), _ = cv2.getTextSize(end, FONT, 0.45, 1)
    _write(sheet, end, left + width - text, top + 36, scale=0.45)
    _write(sheet, "one scale a method and video", left, top + 56, scale=0.45)


def _draw_row(sheet: Image, panel: Panel, top: int) -> None:
    caption = panel.caption
    _write(sheet, caption.label, GAP, top + 22, BLACK)
    _write(sheet, caption.remark(), GAP, top + 45, RED if caption.failed else GREY)
    y = top + LABEL
    frame = _fit(panel.frame, FRAME_WIDTH, CELL_HEIGHT)
    left = GAP
    for picture in (frame, panel.face, panel.heated_face):
        sheet[y : y + CELL_HEIGHT, left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP


def _write(
    sheet: Image,
    text: str,
    left: int,
    bottom: int,
    colour: tuple[int, int, int] = GREY,
    scale: float = 0.55,
    weight: int = 1,
) -> None:
    cv2.putText(sheet, text, (left, bottom), FONT, scale, colour, weight, cv2.LINE_AA)
