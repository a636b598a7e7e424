"""What the bundled detector's weights give when they are used in another way: no training.

    .venv/bin/python bench/variants.py ../shared/data

Other margins around the face, other sizes of the network's input, both halves of a flip, other ways
from frames to a video; with --blend, averages of its weights with those of another detector of the
same backbone (Wortsman et al. 2022, arXiv:2109.01903). It prints areas under the ROC curve: of
single faces of dfdc-faces' split val, and of the clips as they are and brought to one size and
codec (`score_clips.py --reencode`), swaps and lip syncs, then talking heads, against all reals.
The first line is what is shipped.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from labelled_clips import read_rows, rewrite_clip
from numpy.typing import NDArray
from precisions import face_rows, read_face
from score_clips import CRF, KINDS, resized
from sklearn.metrics import roc_auc_score

from ddaemon.stages.faces import (
    Face,
    FaceReader,
    choose_tracks,
    crop_square,
    face_square,
    follow_faces,
)
from ddaemon.stages.frames import FrameSample
from ddaemon.stages.media.base import Frame, Image
from ddaemon.stages.networks.arrays import Arrays, arrays_from, part
from ddaemon.stages.networks.backbone import OpenVinoBackbone
from ddaemon.stages.networks.detector import BACKBONE_PREFIX, HEAD_PREFIX, WEIGHTS_FILE
from ddaemon.stages.networks.head import Head
from ddaemon.stages.settings import FacesSettings, FramesSettings
from ddaemon.stages.training.features.crops import image_landmarks
from ddaemon.stages.training.start import start_of_detector
from ddaemon.storage.registry import DetectorFolder, Registry

FACES, BATCH, THREADS = 2000, 16, 2
TOP = 0.25  # of the frames
SHARES = (0.25, 0.5, 0.75, 1.0)  # of the other detector's weights

Points = NDArray[np.float32]
Crops = NDArray[np.uint8]  # (frames, size, size, 3)
Pool = Callable[
    [Head, NDArray[np.float32]], float
]  # vectors of a person (frames, width) to a logit


@dataclass(frozen=True, slots=True)
class Look:
    """How a face is cut."""

    side: float  # of the crop, in sides of the landmarks' hull
    size: int  # of the network's input


@dataclass(frozen=True, slots=True)
class Video:
    """A clip that was looked at: persons' crops for each look."""

    label: str
    kind: str
    seen: Mapping[Look, list[Crops]]


@dataclass(frozen=True, slots=True)
class Material:
    """All that is judged, cut in every way."""

    faces: Mapping[Look, Crops]
    fake: NDArray[np.bool_]
    clips: Sequence[Video]
    rewritten: Sequence[Video]


def by_head(head: Head, vectors: NDArray[np.float32]) -> float:
    return head.run(vectors).logit


def by_mean(head: Head, vectors: NDArray[np.float32]) -> float:
    return float(np.mean(head.run(vectors).frame_logits))


def by_top(head: Head, vectors: NDArray[np.float32]) -> float:
    logits = np.sort(head.run(vectors).frame_logits)
    return float(np.mean(logits[-max(1, round(TOP * len(logits))) :]))


def by_max(head: Head, vectors: NDArray[np.float32]) -> float:
    return float(np.max(head.run(vectors).frame_logits))


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--blend", "place", type=click.Path(path_type=Path), help="A folder of detectors.")
@click.option("--name", help="Which of them; by default the active one.")
def main(data: Path, place: Path | None, name: str | None) -> None:
    own = Registry.of_bundled().active()
    sees = own.record.preprocessing
    usual = Look(sees.crop.side, sees.size)
    margins = [Look(side, usual.size) for side in (0.95, 1.3, 1.5)]
    sizes = [Look(usual.side, size) for size in (160, 192, 224)]
    with tempfile.TemporaryDirectory() as scratch:
        material = _look([usual, *margins, *sizes], data, Path(scratch))
    print("| variant | val, faces | clips: swaps / talking heads | re-encoded |\n|---|---|---|---|")
    weights = _weights(own)
    _tell("as shipped: bidirectional LSTM with attention", weights, usual, by_head, material, own)
    _tell("the same, mean of both flips", weights, usual, by_head, material, own, flip=True)
    for pool, words in ((by_mean, "mean of frames"), (by_top, "mean of the top quarter of frames"),
                        (by_max, "highest frame")):  # fmt: skip
        _tell(words, weights, usual, pool, material, own)
    for look in margins:
        _tell(f"crop of {look.side} hulls", weights, look, by_head, material, own)
    for look in sizes:
        _tell(f"input of {look.size} px", weights, look, by_head, material, own)
    if place:
        registry = Registry(place)
        other = registry.get(name) if name else registry.active()
        for share in SHARES:
            mixed = _mix(weights, _weights(other), share)
            words = f"{share:.0%} of {other.name}'s weights, mean of frames"
            _tell(words, mixed, usual, by_mean, material, own)


def _weights(folder: DetectorFolder) -> Arrays:
    return arrays_from(folder.read(WEIGHTS_FILE), WEIGHTS_FILE)


def _mix(ours: Arrays, others: Arrays, share: float) -> Arrays:
    return {
        name: ((1 - share) * ours[name] + share * others[name]).astype(np.float32) for name in ours
    }


def _look(looks: Sequence[Look], data: Path, scratch: Path) -> Material:
    rows = face_rows(data, "val", FACES)
    images = (read_face(data, row) for row in rows)
    cut = [[_cut(image, points, look) for look in looks]
           for image, points in ((i, image_landmarks(i).points) for i in images)]  # fmt: skip
    faces = {look: np.stack([one[place] for one in cut]) for place, look in enumerate(looks)}
    clips = list(_videos(data / "clips", looks, lambda clip: clip))
    rewritten = _videos(
        data / "clips", looks, lambda clip: rewrite_clip(clip, scratch / "clip.mp4", resized, CRF)
    )
    return Material(
        faces, np.array([row["label"] == "fake" for row in rows]), clips, list(rewritten)
    )


def _cut(image: Image, points: Points, look: Look) -> Image:
    return crop_square(image, face_square(points, look.side), look.size)


def _videos(folder: Path, looks: Sequence[Look], made: Callable[[Path], Path]) -> Iterator[Video]:
    for row in read_rows(folder):
        print(row["path"], file=sys.stderr)
        frames = list(FrameSample(made(folder / row["path"]), FramesSettings()))
        found = FaceReader(FacesSettings(), looks[0].side, THREADS)
        faces = {frame.index: found.read(frame.image) for frame in frames}
        seen = {look: _persons(frames, faces, look) for look in looks}
        if seen[looks[0]]:
            yield Video(row["label"], row["kind"], seen)


def _persons(frames: list[Frame], faces: Mapping[int, list[Face]], look: Look) -> list[Crops]:
    tracks = follow_faces(frames, _Again(frames, faces, look.side), look.size)
    chosen = choose_tracks(tracks, FacesSettings())
    return [np.stack([sample.crop for sample in track.samples]) for track in chosen]


class _Again(FaceReader):
    """Faces that were found before, with another margin."""

    def __init__(self, frames: list[Frame], faces: Mapping[int, list[Face]], side: float) -> None:
        self._waiting = [
            [Face(face_square(face.points, side), face.points) for face in faces[frame.index]]
            for frame in reversed(frames)
        ]

    def read(self, image: Image) -> list[Face]:
        return self._waiting.pop()


def _tell(
    words: str,
    weights: Arrays,
    look: Look,
    pool: Pool,
    material: Material,
    own: DetectorFolder,
    *,
    flip: bool = False,
) -> None:
    start = start_of_detector(own)
    sees = start.preprocessing.model_copy(update={"size": look.size})
    network = OpenVinoBackbone(start.description, part(weights, BACKBONE_PREFIX), sees, THREADS)
    head = Head(part(weights, HEAD_PREFIX))

    def score(crops: Crops) -> float:
        ways = (crops, np.ascontiguousarray(crops[:, :, ::-1])) if flip else (crops,)
        return float(np.mean([pool(head, _vectors(network, way)) for way in ways]))

    faces = [score(face[None]) for face in material.faces[look]]
    parts = [f"{roc_auc_score(material.fake, faces):.3f}"]
    for videos in (material.clips, material.rewritten):
        scores = [max(score(crops) for crops in video.seen[look]) for video in videos]
        parts.append(" / ".join(f"{area:.3f}" for area in _areas(videos, scores)))
    print(f"| {words} | {' | '.join(parts)} |", flush=True)


def _vectors(network: OpenVinoBackbone, crops: Crops) -> NDArray[np.float32]:
    some = [network.run(crops[i : i + BATCH])[0] for i in range(0, len(crops), BATCH)]
    return np.concatenate(some)


def _areas(videos: Sequence[Video], scores: list[float]) -> Iterator[float]:
    for kinds in KINDS.values():
        chosen: list[Any] = [
            (video.label == "fake", score)
            for video, score in zip(videos, scores, strict=True)
            if video.label == "real" or video.kind in kinds
        ]
        fake, of = zip(*chosen, strict=True)
        yield float(roc_auc_score(fake, of))


if __name__ == "__main__":
    main()
