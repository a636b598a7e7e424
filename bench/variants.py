"""What the bundled detector's weights give when they are used in another way: no training.

    .venv/bin/python bench/variants.py ../shared/data

Other margins around the face, other sizes of the network's input, both halves of a flip, other ways
from frames to a video. With --registry DIR --detector NAME the same for another detector of the
same backbone, and averages of both ones' weights (Wortsman et al. 2022, arXiv:2109.01903). It
prints areas under the ROC curve: of single faces of dfdc-faces' split val, and of the clips as they
are and brought to one size and codec (`score_clips.py --reencode`), swaps and lip syncs, then
talking heads, against all reals. The first line is what is shipped. The clips are few: what a mere
flip moves is chance, and the mean over margins and flips says more than any single line.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from ddaemon.stages.media.video import Frame, Image
from ddaemon.stages.networks.arrays import Arrays, arrays_from, part
from ddaemon.stages.networks.backbone import OpenVinoBackbone
from ddaemon.stages.networks.detector import BACKBONE_PREFIX, HEAD_PREFIX, WEIGHTS_FILE
from ddaemon.stages.networks.head import Head
from ddaemon.stages.settings import FacesSettings, FramesSettings
from ddaemon.storage.registry import DetectorFolder, Registry
from ddaemon.training.features.crops import image_landmarks
from ddaemon.training.features.initial_weights import initial_weights_of_detector

FACES, BATCH, THREADS = 2000, 16, 2
TOP = 0.25  # of the frames
SHARES = (0.25, 0.5, 0.75)  # of the other detector's weights
MARGINS, NEAR = (0.95, 1.3, 1.5), (1.0, 1.2)  # sides of the crop, in those of the hull
SIZES = (160, 192, 224)

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
@click.option("--registry", "place", type=click.Path(path_type=Path), help="A folder of detectors.")
@click.option("--detector", "names", multiple=True, help="Of that folder, beside the bundled one.")
def main(data: Path, place: Path | None, names: tuple[str, ...]) -> None:
    own = Registry.of_bundled().active()
    sees = own.record.preprocessing
    usual = Look(sees.crop.side, sees.size)
    with tempfile.TemporaryDirectory() as scratch:
        material = _look(usual, data, Path(scratch))
    print("| variant | val, faces | clips: swaps / talking heads | re-encoded |\n|---|---|---|---|")
    judge = Judge(own, usual, material)
    judge.tell_all(own)
    registry = Registry(place) if place else Registry.of_bundled()
    for folder in map(registry.get, names):
        judge.tell_all(folder)
        for share in SHARES:
            mixed = _mix(_weights(own), _weights(folder), share)
            way = Way(f"{share:.0%} of {folder.name}'s weights, mean of frames", usual, by_mean)
            judge.tell(mixed, [way], way.words)


@dataclass(frozen=True, slots=True)
class Way:
    """One use of a detector."""

    words: str
    look: Look
    pool: Pool = by_head
    flips: tuple[bool, ...] = (False,)  # whose logits are averaged


def _ways(usual: Look) -> Iterator[Way]:
    yield Way("bidirectional LSTM with attention", usual)
    yield Way("the same, mean of both flips", usual, flips=(False, True))
    yield Way("mean of frames", usual, by_mean)
    yield Way("mean of the top quarter of frames", usual, by_top)
    yield Way("highest frame", usual, by_max)
    for side in MARGINS:
        yield Way(f"crop of {side} hulls", replace(usual, side=side))
    for size in SIZES:
        yield Way(f"input of {size} px", replace(usual, size=size))


def _alike(usual: Look) -> list[Way]:
    """Looks that a good detector would not mind."""
    sides = (usual.side, *NEAR)
    return [
        Way("", replace(usual, side=side), flips=(flip,))
        for side in sides
        for flip in (False, True)
    ]


def _weights(folder: DetectorFolder) -> Arrays:
    return arrays_from(folder.read(WEIGHTS_FILE), WEIGHTS_FILE)


def _mix(ours: Arrays, others: Arrays, share: float) -> Arrays:
    return {
        name: ((1 - share) * ours[name] + share * others[name]).astype(np.float32) for name in ours
    }


def _look(usual: Look, data: Path, scratch: Path) -> Material:
    ways = [*_ways(usual), *_alike(usual)]
    looks = list(dict.fromkeys(way.look for way in ways))
    rows = face_rows(data, "val", FACES)
    cut = [_cut_all(read_face(data, row), looks) for row in rows]
    faces = {look: np.stack([one[place] for one in cut]) for place, look in enumerate(looks)}
    clips = list(_videos(data / "clips", looks, lambda clip: clip))
    rewritten = _videos(
        data / "clips", looks, lambda clip: rewrite_clip(clip, scratch / "clip.mp4", resized, CRF)
    )
    return Material(
        faces, np.array([row["label"] == "fake" for row in rows]), clips, list(rewritten)
    )


def _cut_all(image: Image, looks: Sequence[Look]) -> list[Image]:
    points = image_landmarks(image).points
    return [_cut(image, points, look) for look in looks]


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


class Judge:
    """Says how well real and fake are told apart, a line a way."""

    def __init__(self, own: DetectorFolder, usual: Look, material: Material) -> None:
        self._start = initial_weights_of_detector(own)
        self._usual, self._material = usual, material

    def tell_all(self, folder: DetectorFolder) -> None:
        """Every way, and the mean over those that a good detector would not mind."""
        weights = _weights(folder)
        for way in _ways(self._usual):
            self.tell(weights, [way], f"{folder.name}: {way.words}")
        alike = _alike(self._usual)
        self.tell(weights, alike, f"{folder.name}: mean over {len(alike)} margins and flips")

    def tell(self, weights: Arrays, ways: Sequence[Way], words: str) -> None:
        """The mean of the ways' areas."""
        areas = np.mean([self._areas(weights, way) for way in ways], axis=0)
        faces, swaps, heads, swaps_again, heads_again = areas
        print(
            f"| {words} | {faces:.3f} | {swaps:.3f} / {heads:.3f} "
            f"| {swaps_again:.3f} / {heads_again:.3f} |",
            flush=True,
        )

    def _areas(self, weights: Arrays, way: Way) -> list[float]:
        sees = self._start.preprocessing.model_copy(update={"size": way.look.size})
        arrays = part(weights, BACKBONE_PREFIX)
        network = OpenVinoBackbone(self._start.description, arrays, sees, THREADS)
        head = Head(part(weights, HEAD_PREFIX))

        def score(crops: Crops) -> float:
            seen = (
                np.ascontiguousarray(crops[:, :, ::-1]) if flip else crops for flip in way.flips
            )
            return float(np.mean([way.pool(head, _vectors(network, some)) for some in seen]))

        material = self._material
        areas = [_area(material.fake, [score(face[None]) for face in material.faces[way.look]])]
        for videos in (material.clips, material.rewritten):
            scores = [max(score(crops) for crops in video.seen[way.look]) for video in videos]
            areas += _areas_of_kinds(videos, scores)
        return areas


def _vectors(network: OpenVinoBackbone, crops: Crops) -> NDArray[np.float32]:
    some = [network.run(crops[i : i + BATCH])[0] for i in range(0, len(crops), BATCH)]
    return np.concatenate(some)


def _areas_of_kinds(videos: Sequence[Video], scores: list[float]) -> Iterator[float]:
    present = {video.kind for video in videos}
    for kinds in filter(present.intersection, KINDS.values()):
        chosen = [
            (video.label == "fake", score)
            for video, score in zip(videos, scores, strict=True)
            if video.label == "real" or video.kind in kinds
        ]
        fake, of = zip(*chosen, strict=True)
        yield _area(fake, of)


def _area(fake: Any, scores: Any) -> float:
    return float(roc_auc_score(fake, scores))


if __name__ == "__main__":
    main()
