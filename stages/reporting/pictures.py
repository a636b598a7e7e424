"""Pictures of a verdict's folder, made small enough to travel inside the page."""

import base64
import math
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from markupsafe import Markup
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

JPEG_QUALITY = 82
WIDEST = 1280  # pixels
MOST_PIXELS = 4_000_000  # a contact sheet of very many frames is shrunk to this


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside the page: a data URI, its size in pixels, and what it shows in words."""

    uri: Markup  # ours by every character: to look for ones to escape in megabytes takes its time
    width: int
    height: int
    alt: str


def embed(folder: Path, file: str, alt: str) -> Picture | None:
    """A picture of `folder` as a JPEG in a data URI; None when there is no such picture.

    A JPEG that is small enough goes in as it is. Raises OSError when what is there can't be read
    as a picture.
    """
    path = folder / file
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return None
    coded = path.read_bytes()
    size, kind = _read_header(path, coded)
    if kind != "JPEG" or _scale(size) < 1:
        size, coded = _as_jpeg(path, coded)
    text = base64.b64encode(coded).decode("ascii")
    uri = Markup(f"data:image/jpeg;base64,{text}")  # noqa: S704 (letters and digits of ours)
    return Picture(uri, *size, alt)


def _read_header(path: Path, coded: bytes) -> tuple[tuple[int, int], str | None]:
    """Width and height in pixels, and the format's name; nothing is decoded."""
    try:
        with Pillow.open(BytesIO(coded)) as header:
            return header.size, header.format
    except (UnidentifiedImageError, Pillow.DecompressionBombError) as error:
        raise OSError(f"{path} is not a picture that fits into a page: {error}") from error


def _scale(size: tuple[int, int]) -> float:
    width, height = size
    return min(1.0, WIDEST / width, math.sqrt(MOST_PIXELS / (width * height)))


def _as_jpeg(path: Path, coded: bytes) -> tuple[tuple[int, int], bytes]:
    image = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} is not a picture")
    height, width = image.shape[:2]
    scale = _scale((width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    done, again = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise OSError(f"{path} can't be written as a JPEG")
    return size, again.tobytes()
