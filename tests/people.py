"""Made-up people and what is filmed of them: the shipped portrait, reshaped and recoloured.

Every person is one face bent in a way of their own, in their own light; every recording has its
own camera motion, noise and compression. Forgeries are ddaemon's own (self-blended).
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ddaemon.stages.detection.facefinder import FaceFinder
from ddaemon.stages.detection.landmarks import LandmarkFinder
from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.video import Image
from ddaemon.training.forgery.clips import read_portrait
from ddaemon.training.forgery.forge import forge, forge_frames

SIDE = 256
FRAMES = 10
BEND = 3.0  # pixels: standard deviation of a node of the field that reshapes a face


def person(number: int) -> Image:
    """The picture of one person, RGB (SIDE, SIDE, 3)."""
    random = np.random.default_rng((7, number))
    picture = read_portrait()[20:310, 80:370]
    if number % 2:
        picture = np.ascontiguousarray(picture[:, ::-1])
    picture = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    field = cv2.resize(
        random.normal(0, BEND, (5, 5, 2)).astype(np.float32), (SIDE, SIDE),
        interpolation=cv2.INTER_CUBIC,
    )  # fmt: skip
    y, x = np.indices((SIDE, SIDE), np.float32)
    bent = cv2.remap(
        picture, x + field[..., 0], y + field[..., 1], cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    light = bent * random.uniform(0.75, 1.2) * (1 + random.uniform(-0.12, 0.12, 3))
    return np.clip(light, 0, 255).astype(np.uint8)


def film(path: Path, who: int, take: int, *, forged: bool) -> Path:
    """A recording of a person; the same arguments give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_film(who, take, forged))
    return path


@cache
def _film(who: int, take: int, forged: bool) -> bytes:
    random = np.random.default_rng((11, who, take))
    shots = list(_shots(person(who), random))
    images: Iterator[Image] = (image for image, _ in shots)
    if forged:
        images = forge_frames(shots, np.random.default_rng((13, who, take)))
    noisy = [np.clip(i + random.normal(0, 2, i.shape), 0, 255).astype(np.uint8) for i in images]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_video(path, noisy, options={"crf": str(random.integers(16, 22))})
        return path.read_bytes()


def celeb_df(root: Path, people: int, takes: int) -> Path:
    """A data set in the layout of Celeb-DF: each fake has its own real and a donor's name."""
    for who in range(people):
        for take in range(takes):
            film(root / "Celeb-real" / f"id{who}_{take:04}.mp4", who, take, forged=False)
            donor = who + 1 if who % 2 == 0 else who - 1
            name = f"id{who}_id{donor % people}_{take:04}.mp4"
            film(root / "Celeb-synthesis" / name, who, take, forged=True)
    return root


def faceforensics(root: Path, people: int) -> Path:
    """The layout of FaceForensics++ with its split files: pairs (0, 1), (2, 3) and so on."""
    pairs = []
    for who in range(people):
        other = who + 1 if who % 2 == 0 else who - 1
        original = root / "original_sequences" / "youtube" / "c23" / "videos"
        made = root / "manipulated_sequences" / "Deepfakes" / "c23" / "videos"
        film(original / f"{who:03}.mp4", who, 0, forged=False)
        film(made / f"{who:03}_{other:03}.mp4", who, 0, forged=True)
        pairs.append([f"{who:03}", f"{other:03}"])
    third = people // 4 // 2 * 2
    (root / "test.json").write_text(json.dumps(pairs[:third]))
    (root / "val.json").write_text(json.dumps(pairs[third : 2 * third]))
    (root / "train.json").write_text(json.dumps(pairs[2 * third :]))
    return root


def dfdc(root: Path, people: int) -> Path:
    """The layout of DFDC: one folder, and what its videos are in `metadata.json`."""
    told = {}
    for who in range(people):
        film(root / f"real{who}.mp4", who, 0, forged=False)
        film(root / f"fake{who}.mp4", who, 0, forged=True)
        told[f"real{who}.mp4"] = {"label": "REAL", "split": "train"}
        told[f"fake{who}.mp4"] = {
            "label": "FAKE", "split": "train", "original": f"real{who}.mp4",
        }  # fmt: skip
    (root / "metadata.json").write_text(json.dumps(told))
    return root


def face_images(root: Path, people: int, *, fakes: bool = True) -> Path:
    """Face images in a zip with their table beside it."""
    root.mkdir(parents=True)
    lines = ["archive,file,label,group"]
    with zipfile.ZipFile(root / "faces.zip", "w") as archive:
        for who in range(people):
            (image, landmarks), *_ = _shots(person(who), np.random.default_rng((17, who)))
            made = {"real": image}
            if fakes:
                made["fake"] = forge(image, landmarks, np.random.default_rng((19, who)))
            for label, picture in made.items():
                _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
                archive.writestr(f"{label}{who}.jpg", encoded.tobytes())
                lines.append(f"faces.zip,{label}{who}.jpg,{label},actor{who}")
    (root / "faces.csv").write_text("\n".join(lines) + "\n")
    return root


def _shots(picture: Image, random: np.random.Generator) -> Iterator[tuple[Image, np.ndarray]]:
    """Frames under a moving camera, with the face's landmarks in each."""
    face = FaceFinder(SIDE, threads=1).find(picture, 0.4)[0]
    box = (face.x, face.y, face.width, face.height)
    landmarks = LandmarkFinder(threads=1).find(picture, box).points
    turn, zoom, pan = random.uniform(-4, 4), random.uniform(0.95, 1.15), random.uniform(-8, 8, 2)
    for number in range(FRAMES):
        phase = np.sin(number / 3 + turn)
        camera = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), turn * phase, zoom + 0.03 * phase)
        camera[:, 2] += pan * phase
        image = cv2.warpAffine(
            picture, camera, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        points = landmarks @ camera[:, :2].T + camera[:, 2]
        yield np.asarray(image, np.uint8), points.astype(np.float32)
