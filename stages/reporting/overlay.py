"""The overlay: the video as it was looked at, with faces, scores and the decision drawn over it."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Protocol

import cv2
import numpy as np

from ...record.schema import FacePart, Verdict
from ..media.encode import write_video
from ..media.video import Frame, Image
from .timestamps import clock

FloatBox = tuple[float, float, float, float]  # x, y, width, height in pixels
HeatedFaces = Mapping[tuple[int, float], Image]  # (track, t) -> RGB

WIDEST, TALLEST = 1280, 1920  # pixels
NARROWEST = 320  # a smaller video is enlarged to this, or nobody could read what is written on it
FASTEST = 30.0  # frames a second
MOST_FRAMES = 9000  # a longer span is shown in as many, which is fewer a second
USUAL_FPS = 25.0  # where the container does not say
GAP_STEPS = 2.5  # a person not seen for more usual steps than this is not drawn between
INSET = 0.3  # of the picture's shorter side: a heatmap in the corner
ENCODING = {"crf": "23", "preset": "veryfast", "movflags": "+faststart"}
INK, PAPER = (255, 255, 255), (20, 20, 20)
FONT = cv2.FONT_HERSHEY_SIMPLEX


class FrameSource(Protocol):
    """Of the fact `frames`, what is needed here."""

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frames on display at `times` (seconds, ascending), one for each time."""
        ...


@dataclass(frozen=True, slots=True)
class Now:
    """One person at one moment."""

    track: int
    box: FloatBox  # of the video's own frame
    score: float  # of the last looked-at frame
    looked_at: float  # seconds: when that was


def write_overlay(
    path: Path, record: Verdict, frames: FrameSource, progress: Callable[[float], None]
) -> None:
    """Write an H.264 video from the first to the last frame in which a person was judged.

    A variable frame rate becomes a constant one, at most `FASTEST`; rotation is applied. The box
    moves evenly from one look to the next, the score stays until the next look. Raises OSError.
    """
    times = times_of(record)
    heat = read_heat(record, path.parent)
    pictures = (
        draw_frame(frame.image, t, record, heat)
        for t, frame in zip(times, frames.at(times), strict=True)
    )
    write_video(
        path, _caption(pictures, len(times), progress), fps=rate_of(record), options=ENCODING
    )


def rate_of(record: Verdict) -> float:
    """Frames a second of the overlay."""
    container = record["input"]["container"]
    first, last = _span(record)
    stated = container["fps"] if container else None
    fps = min(stated or USUAL_FPS, FASTEST)
    return float(max(min(fps, MOST_FRAMES / max(last - first, 1.0)), 0.1))


def times_of(record: Verdict) -> list[float]:
    """The times (seconds of the video) that are shown, evenly spaced and never none."""
    first, last = _span(record)
    rate = rate_of(record)
    return [first + number / rate for number in range(math.floor((last - first) * rate) + 1)]


def people_at(record: Verdict, t: float) -> list[Now]:
    """Who is seen at `t` (seconds), and where."""
    found = (_person_at(face, t) for face in record["faces"])
    return [person for person in found if person is not None]


def draw_frame(image: Image, t: float, record: Verdict, heat: HeatedFaces) -> Image:
    """One picture of the overlay, RGB, its sides even."""
    scale = _scale(image)
    size = tuple(max(2, round(side * scale / 2) * 2) for side in image.shape[1::-1])
    canvas = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    people = people_at(record, t)
    for person in people:
        _draw_person(canvas, person, scale)
    _draw_inset(canvas, people, heat)
    _write(canvas, f"{record['words']['scale']}   {clock(t)}", (8, 8))
    return canvas


def read_heat(record: Verdict, folder: Path) -> dict[tuple[int, float], Image]:
    """The heated face of each explained frame: (track, t) -> RGB."""
    container = record["input"]["container"]
    if container is None:  # what did not open has no heatmaps
        return {}
    boxes = {
        (face["track"], frame["t"]): frame["box"]
        for face in record["faces"]
        for frame in face["frames"]
    }
    heat: dict[tuple[int, float], Image] = {}
    for entry in record["heatmaps"]:
        key = (entry["track"], round(entry["t"], 6))
        picture = cv2.imread(str(folder / entry["file"]), cv2.IMREAD_COLOR)
        if picture is None:
            raise OSError(f"{folder / entry['file']} can't be read")
        scale = picture.shape[1] / container["width"]
        x, y, width, height = (round(side * scale) for side in boxes[key])
        face = picture[y : y + height, x : x + width, ::-1]
        heat[key] = np.ascontiguousarray(face, np.uint8)
    return heat


def _span(record: Verdict) -> tuple[float, float]:
    times = [frame["t"] for face in record["faces"] for frame in face["frames"]]
    return min(times), max(times)


def _scale(image: Image) -> float:
    height, width = image.shape[:2]
    return float(min(WIDEST / width, TALLEST / height, max(1.0, NARROWEST / width)))


def _person_at(face: FacePart, t: float) -> Now | None:
    looks = face["frames"]
    times = [look["t"] for look in looks]
    gaps = [after - before for before, after in pairwise(times)]
    longest = GAP_STEPS * median(gaps) if gaps else math.inf
    last = bisect_right(times, t + 1e-6) - 1
    if last < 0 or (last == len(looks) - 1 and t - times[-1] > longest):
        return None
    look, after = looks[last], looks[min(last + 1, len(looks) - 1)]
    gap = after["t"] - look["t"]
    if gap > longest and t - look["t"] > longest / GAP_STEPS:
        return None
    share = (t - look["t"]) / gap if 0 < gap <= longest else 0.0
    box = tuple((1 - share) * a + share * b for a, b in zip(look["box"], after["box"], strict=True))
    return Now(face["track"], (box[0], box[1], box[2], box[3]), look["score"], look["t"])


def _draw_person(canvas: Image, person: Now, scale: float) -> None:
    x, y, width, height = (round(side * scale) for side in person.box)
    thin = max(1, round(max(canvas.shape[:2]) / 640))
    corners = (x, y), (x + width - 1, y + height - 1)
    cv2.rectangle(canvas, *corners, PAPER, 3 * thin)
    cv2.rectangle(canvas, *corners, INK, thin)
    _write(canvas, f"person {person.track}: {person.score:.2f}", (x, y + height + 4))


def _draw_inset(canvas: Image, people: Sequence[Now], heat: HeatedFaces) -> None:
    """The heatmap of the last look, in the lower right corner, until the next look."""
    person = next((one for one in people if (one.track, one.looked_at) in heat), None)
    if person is None:
        return
    picture = heat[person.track, person.looked_at]
    side = round(INSET * min(canvas.shape[:2]))
    scale = side / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    bottom, right = canvas.shape[0] - 8, canvas.shape[1] - 8
    top, left = bottom - size[1], right - size[0]
    canvas[top:bottom, left:right] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cv2.rectangle(canvas, (left - 1, top - 1), (right, bottom), INK, 1)
    words = f"heatmap, person {person.track}, {clock(person.looked_at)}"
    _write(canvas, words, (left, top - 24), until=right)


def _write(canvas: Image, text: str, place: tuple[int, int], until: int | None = None) -> None:
    """White letters on black, inside the picture; `place` is the upper left corner."""
    scale = max(0.4, min(canvas.shape[1] / 1400, 0.8))
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    left = place[0] if until is None else until - width - 8
    left = min(max(left, 0), max(canvas.shape[1] - width - 8, 0))
    top = min(max(place[1], 0), max(canvas.shape[0] - height - below - 8, 0))
    corner = (left + width + 8, top + height + below + 4)
    cv2.rectangle(canvas, (left, top), corner, PAPER, -1)
    cv2.putText(canvas, text, (left + 4, top + height + 2), FONT, scale, INK, 1, cv2.LINE_AA)


def _caption(
    pictures: Iterator[Image], count: int, progress: Callable[[float], None]
) -> Iterator[Image]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        progress(done / count)
