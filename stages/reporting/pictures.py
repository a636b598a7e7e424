"""Pictures of a verdict's folder, made small enough to travel inside the page."""

import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

JPEG_QUALITY = 82
WIDEST = 1280  # pixels
MOST_PIXELS = 4_000_000  # a contact sheet of very many frames is shrunk to this


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside the page: a data URI, its size in pixels, and what it shows in words."""

    uri: str
    width: int
    height: int
    alt: str


def embed(folder: Path, file: str, alt: str) -> Picture | None:
    """A picture of `folder` as a JPEG in a data URI; None when there is no such picture.

    Raises OSError when what is there can't be read as a picture.
    """
    path = folder / file
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return None
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{path} is not a picture")
    height, width = image.shape[:2]
    scale = min(1.0, WIDEST / width, (MOST_PIXELS / (width * height)) ** 0.5)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    done, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise OSError(f"{path} can't be written as a JPEG")
    text = base64.b64encode(coded.tobytes()).decode("ascii")
    return Picture(f"data:image/jpeg;base64,{text}", *size, alt)
