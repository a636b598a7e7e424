"""Pseudo-sequences: several views of one face image, as a video would have shown it.

Properties of a whole video (resolution, sharpness, noise, codec, colour) are drawn once; those that
change from frame to frame (the crop, a little light) are drawn for each view. In half of the videos
some frames go wrong, as they do when a head turns fast or a hand passes: attention over frames can
learn that from single images, but not how a forgery flickers in time.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.media.encode import through_h264
from ...stages.media.video import Image

# The face fills about four fifths of a dfdc-faces crop. Serving cuts 1.10 times the hull of the
# landmarks, which is about 0.88 of such a crop: views are spread around that.
CROP_VIDEO = (0.83, 0.96)  # side of the crop over the image's side
HULLS = 1.10  # side of such a crop, in sides of the hull
CROP_FRAME = 0.02  # of the side: spread of a view's crop around its video's
SHIFT_FRAME = 0.02  # of the side: spread of a view's place
SHRINK = (0.35, 1.0)  # of the output's side, for half of the videos
BLUR = (0.2, 1.2)  # pixels, for a third of the videos
NOISE = (1.0, 6.0)  # of 255, for a third of the videos
JPEG = (30, 95)  # quality, for those that H.264 does not compress
H264 = (20, 38)  # constant rate factor, for a third of the videos
GAIN = 0.15  # spread of contrast
LIFT = 15.0  # of 255: spread of brightness
TINT = 0.06  # spread of each colour
LIFT_FRAME = 3.0  # of 255
MISHAPS = (0.1, 0.5)  # share of the frames that go wrong, for half of the videos
SMEAR = (5, 15)  # pixels of motion
SLIP = 0.3  # of the side: how far a crop misses the face
COVER = (0.3, 0.6)  # of the side: what hides the face
DARKEN = (0.15, 0.5)  # of the light is left


@dataclass(frozen=True, slots=True)
class SharedView:
    """What all views of one video share."""

    crop: float
    flip: bool
    side: int  # pixels of the face before it is resized
    blur: float
    noise: float
    quality: int  # of JPEG
    crf: int  # of H.264, which then replaces JPEG; 0: JPEG is used
    gain: NDArray[np.float64]  # (3,)
    lift: float
    mishaps: float  # share of frames that go wrong


def make_views(
    image: Image, count: int, size: int, seed: int, crop: tuple[float, float] = CROP_VIDEO
) -> Image:
    """`count` views of one face as one video would show it: (count, size, size, 3).

    `crop` bounds the side of the crop over the image's side. The same image and seed give the
    same views.
    """
    random = np.random.default_rng(seed)
    shared = draw_shared_view(random, size, crop)
    return np.stack([_view(image, shared, size, random) for _ in range(count)])


def crop_of_image(side: float) -> tuple[float, float]:
    """Bounds of a crop's side over a face image's side, for crops of `side` hulls."""
    low, high = (min(1.0, bound * (side / HULLS)) for bound in CROP_VIDEO)
    return low, high


def view_seed(content: str, seed: int) -> int:
    """A seed that depends on the content (its SHA-256), not on its place in a list."""
    digest = hashlib.sha256(f"{seed}/{content}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def draw_shared_view(
    random: np.random.Generator, size: int, crop: tuple[float, float] = CROP_VIDEO
) -> SharedView:
    """Draw the properties that all views of a video share."""
    shrunk = random.random() < 1 / 2
    return SharedView(
        crop=random.uniform(*crop),
        flip=random.random() < 1 / 2,
        side=round(size * random.uniform(*SHRINK)) if shrunk else size,
        blur=random.uniform(*BLUR) if random.random() < 1 / 3 else 0.0,
        noise=random.uniform(*NOISE) if random.random() < 1 / 3 else 0.0,
        quality=int(random.integers(*JPEG, endpoint=True)),
        crf=int(random.integers(*H264, endpoint=True)) if random.random() < 1 / 3 else 0,
        gain=1 + random.uniform(-GAIN, GAIN) + random.uniform(-TINT, TINT, 3),
        lift=random.uniform(-LIFT, LIFT),
        mishaps=random.uniform(*MISHAPS) if random.random() < 1 / 2 else 0.0,
    )


def _view(image: Image, shared: SharedView, size: int, random: np.random.Generator) -> Image:
    face = _crop(image, shared, random)
    if random.random() < shared.mishaps:
        face = MISHAP_KINDS[random.integers(len(MISHAP_KINDS))](face, random)
    shown = cv2.resize(face, (shared.side, shared.side), interpolation=cv2.INTER_AREA)
    if shared.blur:
        shown = cv2.GaussianBlur(shown, (0, 0), shared.blur * shared.side / size)
    pixels = shown * shared.gain + shared.lift + random.uniform(-LIFT_FRAME, LIFT_FRAME)
    if shared.noise:
        pixels = pixels + random.normal(0, shared.noise, shown.shape)
    face = _compress(np.clip(pixels, 0, 255).astype(np.uint8), shared)
    return np.asarray(cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _crop(image: Image, shared: SharedView, random: np.random.Generator) -> Image:
    whole = min(image.shape[:2])
    side = round(whole * min(1.0, shared.crop + random.uniform(-CROP_FRAME, CROP_FRAME)))
    shift = random.uniform(-SHIFT_FRAME, SHIFT_FRAME, 2) * whole
    room = np.array(image.shape[:2]) - side
    top, left = np.clip(np.round(room / 2 + shift), 0, room).astype(int)
    face = image[top : top + side, left : left + side]
    return np.ascontiguousarray(face[:, ::-1]) if shared.flip else face


def _compress(face: Image, shared: SharedView) -> Image:
    if shared.crf:
        return through_h264(face, shared.crf)
    _, encoded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, shared.quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _smear(face: Image, random: np.random.Generator) -> Image:
    length = int(random.integers(*SMEAR, endpoint=True))
    across = random.random() < 1 / 2
    return np.asarray(cv2.blur(face, (length, 1) if across else (1, length)), np.uint8)


def _slip(face: Image, random: np.random.Generator) -> Image:
    x, y = random.uniform(-SLIP, SLIP, 2) * face.shape[0]
    move = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = face.shape[1], face.shape[0]
    return np.asarray(cv2.warpAffine(face, move, size, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _cover(face: Image, random: np.random.Generator) -> Image:
    side = round(random.uniform(*COVER) * face.shape[0])
    top, left = random.integers(0, face.shape[0] - side, 2)
    covered = face.copy()
    covered[top : top + side, left : left + side] = random.integers(0, 256, 3)
    return covered


def _darken(face: Image, random: np.random.Generator) -> Image:
    return (face * random.uniform(*DARKEN)).astype(np.uint8)


MISHAP_KINDS = (_smear, _slip, _cover, _darken)
