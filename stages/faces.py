"""The stage `faces`: whose faces there are, cropped as the detector learned them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..storage.errors import NotAnalysable, Reason
from .base import Context
from .detection.facefinder import Detection, FaceFinder
from .detection.landmarks import LandmarkFinder
from .detection.tracking import Tracker
from .envelope import face_profile
from .facts import Box, FaceSample, FaceTrack
from .media.ahead import ahead
from .media.video import Frame, Image
from .settings import FacesSettings

MIN_PRESENCE = 0.5  # of a face, as the landmark network sees it
FACES_PER_TRACK = 4  # times `faces.max_tracks`: at most so many faces of one frame are examined


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a frame: its square (left, top, side in pixels; may leave the frame) and points.

    `points` is (468, 2), x and y in pixels of the frame.
    """

    square: tuple[int, int, int]
    points: NDArray[np.float32]


class FaceReader:
    """Finds, checks and measures the faces of a frame.

    `dismissed` counts faces that were found but are too narrow.
    """

    def __init__(self, settings: FacesSettings, side: float, threads: int) -> None:
        self._settings, self._side = settings, side
        self._finder = FaceFinder(settings.detect_size, threads)
        self._landmarks = LandmarkFinder(threads)
        self.dismissed = 0

    def read(self, image: Image) -> list[Face]:
        """Faces of an RGB frame (height, width, 3), the widest first."""
        faces = (self._measure(image, found) for found in self._find(image))
        return [face for face in faces if face is not None]

    def _find(self, image: Image) -> list[Detection]:
        found = self._finder.find(image, self._settings.min_confidence)
        wide = [face for face in found if face.width >= self._settings.min_size]
        self.dismissed += len(found) - len(wide)
        wide.sort(key=lambda face: -face.width)
        return wide[: FACES_PER_TRACK * self._settings.max_tracks]

    def _measure(self, image: Image, found: Detection) -> Face | None:
        landmarks = self._landmarks.find(image, (found.x, found.y, found.width, found.height))
        if landmarks.presence < MIN_PRESENCE:
            return None
        return Face(face_square(landmarks.points, self._side), landmarks.points)


class Faces:
    """Finds faces, follows them from sample to sample, and keeps one crop per face and frame.

    Gives `faces`: a list of `FaceTrack`, the largest (area times samples) first. People are told
    apart by place alone: see `Tracker` for what that cannot do. Tracks shorter than
    `faces.min_frames` are dropped when there is a longer one.
    Raises `NotAnalysable` (no_face) when no frame shows a face.
    """

    name = "faces"
    version = "1"
    needs = frozenset({"frames"})
    gives = frozenset({"faces"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Stream over the frames; only crops stay in memory."""
        settings, preprocessing = context.settings.faces, context.detector.record.preprocessing
        frames = _counted(context)
        if settings.mode == "frame" or preprocessing.crop.kind == "whole_frame":
            return {"faces": [whole_frames(frames, preprocessing.size)]}
        reader = FaceReader(settings, preprocessing.crop.side, context.settings.features.threads)
        tracks = follow_faces(frames, reader, preprocessing.size)
        if not tracks:
            raise NotAnalysable(Reason.NO_FACE, _no_face(reader, settings))
        return {"faces": choose_tracks(tracks, settings)}


def follow_faces(frames: Iterable[Frame], reader: FaceReader, size: int) -> list[FaceTrack]:
    """All tracks in `frames` (in order of time), with crops of `size` x `size` pixels."""
    tracker = Tracker()
    samples: dict[int, list[FaceSample]] = defaultdict(list)
    looked_at = 0
    for frame in frames:
        looked_at += 1
        faces = reader.read(frame.image)
        places = [(float(x), float(y), float(side), float(side)) for x, y, side in _squares(faces)]
        for face, number in zip(faces, tracker.place(frame.t, places), strict=True):
            samples[number].append(_sample(frame, face, size))
    return [FaceTrack(number, tuple(samples[number]), looked_at) for number in sorted(samples)]


def choose_tracks(tracks: Sequence[FaceTrack], settings: FacesSettings) -> list[FaceTrack]:
    """The tracks worth judging, the largest first, renumbered from 0."""
    enough = [track for track in tracks if len(track.samples) >= settings.min_frames]
    ranked = sorted(enough or tracks, key=_covered_area, reverse=True)[: settings.max_tracks]
    return [replace(track, track=number) for number, track in enumerate(ranked)]


def whole_frames(frames: Iterable[Frame], size: int) -> FaceTrack:
    """One track of whole frames, each resized to `size` x `size` pixels."""
    samples = tuple(_whole_frame(frame, size) for frame in frames)
    return FaceTrack(0, samples, len(samples))


def face_square(points: NDArray[np.float32], side: float) -> tuple[int, int, int]:
    """The square around the hull of `points` (n, 2): left, top, side in pixels.

    Its side is `side` times the hull's larger side; its centre is the hull's.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    length = max(1, round(side * float((high - low).max())))
    left, top = np.round((low + high) / 2 - length / 2).astype(int)
    return int(left), int(top), length


def crop_square(image: Image, square: tuple[int, int, int], size: int) -> Image:
    """Cut a square out of `image` and resize it to (size, size, 3).

    Where the square leaves the frame, the frame is mirrored at its edge.
    """
    left, top, side = square
    height, width = image.shape[:2]
    x, y, box_width, box_height = cut_square(square, width, height)
    part = image[y : y + box_height, x : x + box_width]
    margins = (y - top, top + side - y - box_height, x - left, left + side - x - box_width)
    if any(margins):
        bordered = cv2.copyMakeBorder(part, *margins, cv2.BORDER_REFLECT_101)
        part = np.asarray(bordered, np.uint8)
    return resize_square(part, size)


def cut_square(square: tuple[int, int, int], width: int, height: int) -> Box:
    """The part of a square that lies in a frame of `width` x `height` pixels (at least 1 x 1)."""
    left, top, side = square
    x, y = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return x, y, max(1, min(left + side, width) - x), max(1, min(top + side, height) - y)


def resize_square(image: Image, size: int) -> Image:
    """A picture of any shape as (size, size, 3)."""
    method = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size, size), interpolation=method), np.uint8)


def _sample(frame: Frame, face: Face, size: int) -> FaceSample:
    height, width = frame.image.shape[:2]
    box = cut_square(face.square, width, height)
    crop = crop_square(frame.image, face.square, size)
    return FaceSample(frame.index, frame.t, box, crop, face_profile(face.points))


def _whole_frame(frame: Frame, size: int) -> FaceSample:
    height, width = frame.image.shape[:2]
    return FaceSample(frame.index, frame.t, (0, 0, width, height), resize_square(frame.image, size))


def _squares(faces: Iterable[Face]) -> list[tuple[int, int, int]]:
    return [face.square for face in faces]


def _covered_area(track: FaceTrack) -> int:
    return sum(sample.box[2] * sample.box[3] for sample in track.samples)


def _counted(context: Context) -> Iterator[Frame]:
    frames = context.facts["frames"]
    one_thread = context.settings.features.threads == 1
    for done, frame in enumerate(frames if one_thread else ahead(frames), start=1):
        yield frame
        context.progress(min(1.0, done / frames.count))


def _no_face(reader: FaceReader, settings: FacesSettings) -> str:
    if reader.dismissed:
        return (
            f"Every face that was found is narrower than {settings.min_size} pixels "
            "(faces.min_size)."
        )
    return "No face was found in any of the frames that were looked at."
