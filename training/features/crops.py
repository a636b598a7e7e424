"""What the network sees of a video or face image: the same crops that serving would cut."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.detection.landmarks import LandmarkFinder, Landmarks
from ...stages.envelope import MEASURES, face_profile, measure_crops, measure_track
from ...stages.faces import (
    MIN_PRESENCE,
    FaceReader,
    choose_tracks,
    crop_square,
    face_square,
    follow_faces,
    resize_square,
    whole_frames,
)
from ...stages.facts import FaceTrack
from ...stages.frames import FrameSample
from ...stages.media.video import Frame, Image
from ...storage.errors import NotAnalysable, Reason
from ..datasets.media import read_image, video_path
from ..datasets.rows import IMAGE, Row
from ..forgery.forge import blend, draw_recipe, forge
from ..forgery.views import crop_of_image, make_views, view_seed
from .plan import VIEWS_SEED, Plan

THREADS = 1  # each worker process keeps to one core
FACE_IN_IMAGE = 0.8  # side of the face, as a share of a face image's side


TrackMeasures = NDArray[np.float64]  # (persons, measures) in MEASURES' order; NaN: unknown


@dataclass(frozen=True, slots=True)
class RowCrops:
    """The crops of one row: its persons one after the other, the largest first."""

    images: NDArray[np.uint8]  # (rows, size, size, 3)
    lengths: NDArray[np.int64]  # (persons,): rows of each
    face_px: float  # median width of what was cropped, in pixels of the frame
    brightness: float  # mean of the crops, 0..255
    measures: TrackMeasures


def read_crops(root: Path, row: Row, plan: Plan, keep: Path | None = None) -> RowCrops:
    """Read one row. `keep` is a folder for the frames as JPEGs.

    Raises `NotAnalysable` or OSError when nothing can be seen in it.
    """
    if row.kind == IMAGE:
        return _of_image(read_image(root, row.path), row, plan)
    tracks = _tracks(_frames(video_path(root, row.path), row, plan, keep), plan)
    samples = [sample for track in tracks for sample in track.samples]
    return _crops(
        np.stack([sample.crop for sample in samples]),
        [len(track.samples) for track in tracks],
        float(np.median([sample.box[2] for sample in samples])),
        measured_rows([measure_track(track) for track in tracks]),
    )


def measured_rows(persons: Sequence[Mapping[str, float]]) -> TrackMeasures:
    """The measures of persons as an array; what could not be measured is NaN."""
    rows = [[person.get(name, np.nan) for name in MEASURES] for person in persons]
    return np.array(rows, np.float64).reshape(len(rows), len(MEASURES))


def _frames(video: Path, row: Row, plan: Plan, keep: Path | None) -> Iterable[Frame]:
    frames = FrameSample(video, plan.frames, keep)
    return _forged(frames, row.forge, plan) if row.forge else frames


def _tracks(frames: Iterable[Frame], plan: Plan) -> list[FaceTrack]:
    size = plan.preprocessing.size
    if plan.preprocessing.crop.kind == "whole_frame":
        return [whole_frames(frames, size)]
    tracks = follow_faces(frames, _reader(plan), size)
    if not tracks:
        raise NotAnalysable(Reason.NO_FACE, "No face was found in any frame.")
    chosen = choose_tracks(tracks, plan.faces)
    enough = [track for track in chosen if len(track.samples) >= plan.faces.min_frames]
    if not enough:
        raise NotAnalysable(Reason.TOO_SHORT, "Nobody is seen in enough frames.")
    return enough


def _forged(frames: Iterable[Frame], seed: int, plan: Plan) -> Iterator[Frame]:
    """Each frame with its largest face self-blended, all by one recipe."""
    recipe, reader = draw_recipe(np.random.default_rng(seed)), _reader(plan)
    for frame in frames:
        faces = reader.read(frame.image)
        image = blend(frame.image, faces[0].points, recipe) if faces else frame.image
        yield Frame(frame.index, frame.t, image)


def _of_image(image: Image, row: Row, plan: Plan) -> RowCrops:
    """A face image stands for a video: it gives as many views as a video gives frames.

    It does not show how wide faces are in videos, nor in how many frames they appear.
    """
    image = forged_image(image, row.forge)
    views = _views(image, row, plan)
    whole = plan.preprocessing.crop.kind == "whole_frame"
    measures = measure_crops(views, [] if whole else _turned(image))
    return _crops(views, [len(views)], float(image.shape[1]), measured_rows([measures]))


def _views(image: Image, row: Row, plan: Plan) -> Image:
    """(views, size, size, 3), degraded as videos are; a single view is the face itself, cut as
    serving cuts it."""
    size = plan.preprocessing.size
    if plan.preprocessing.crop.kind == "whole_frame":
        return resize_square(image, size)[None]
    if plan.views == 1:
        square = face_square(image_landmarks(image).points, plan.preprocessing.crop.side)
        return crop_square(image, square, size)[None]
    crop = crop_of_image(plan.preprocessing.crop.side)
    return make_views(image, plan.views, size, view_seed(row.sha256, VIEWS_SEED), crop)


def _turned(image: Image) -> list[float]:
    found = image_landmarks(image)
    return [face_profile(found.points)] if found.presence >= MIN_PRESENCE else []


def forged_image(image: Image, seed: int) -> Image:
    """A face image, self-blended with a seed; seed 0 leaves it as it is."""
    if not seed:
        return image
    return forge(image, image_landmarks(image).points, np.random.default_rng(seed))


def image_landmarks(image: Image) -> Landmarks:
    """The landmarks of a face image, in its pixels."""
    height, width = image.shape[:2]
    margin = (1 - FACE_IN_IMAGE) / 2
    box = (margin * width, margin * height, FACE_IN_IMAGE * width, FACE_IN_IMAGE * height)
    return LandmarkFinder(THREADS).find(image, box)


def _reader(plan: Plan) -> FaceReader:
    return FaceReader(plan.faces, plan.preprocessing.crop.side, THREADS)


def _crops(
    images: NDArray[np.uint8], lengths: list[int], face_px: float, measures: TrackMeasures
) -> RowCrops:
    return RowCrops(images, np.array(lengths, np.int64), face_px, float(images.mean()), measures)


def write_crops(path: Path, crops: RowCrops) -> None:
    """Write crops, each as a PNG (lossless)."""
    encoded = [cv2.imencode(".png", cv2.cvtColor(i, cv2.COLOR_RGB2BGR))[1] for i in crops.images]
    ends = np.cumsum([len(png) for png in encoded])
    write_whole(
        path,
        pngs=np.concatenate(encoded),
        ends=ends,
        lengths=crops.lengths,
        face_px=np.float64(crops.face_px),
        brightness=np.float64(crops.brightness),
        measures=crops.measures,
    )


def load_crops(path: Path) -> RowCrops:
    """Read what `write_crops` wrote."""
    with np.load(path) as kept:
        pngs = np.split(kept["pngs"], kept["ends"][:-1])
        images = [cv2.cvtColor(_decode(png), cv2.COLOR_BGR2RGB) for png in pngs]
        return RowCrops(
            np.stack(images).astype(np.uint8),
            kept["lengths"],
            float(kept["face_px"]),
            float(kept["brightness"]),
            kept["measures"],
        )


def write_whole(path: Path, **arrays: NDArray[np.generic] | np.generic | str) -> None:
    """Write an npz as a whole or not at all, whatever ends the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    beside.replace(path)


def _decode(png: NDArray[np.uint8]) -> Image:
    image = cv2.imdecode(png, cv2.IMREAD_COLOR)
    if image is None:
        raise OSError("a kept crop does not decode")
    return np.asarray(image, np.uint8)


def load_crop(path: Path, place: float) -> Image:
    """One crop of the largest face: the first at `place` 0, the last just below 1."""
    with np.load(path) as kept:
        number = int(place * kept["lengths"][0])
        ends = kept["ends"]
        begin = ends[number - 1] if number else 0
        return np.asarray(
            cv2.cvtColor(_decode(kept["pngs"][begin : ends[number]]), cv2.COLOR_BGR2RGB), np.uint8
        )
