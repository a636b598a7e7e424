"""The data set `dfdc-faces`: face crops of 160 px, one a video, in zip archives, with an index."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...storage.errors import UserError
from ..media.base import Image

INDEX = "faces.csv"
FAKE = "fake"


@dataclass(frozen=True, slots=True)
class Face:
    """One row of the index."""

    archive: str
    file: str
    fake: bool
    group: str  # cluster of the actor
    split: str  # train or val


def read_index(folder: Path) -> list[Face]:
    """All faces, in the file's order. Raises `UserError` when the index is missing or odd."""
    try:
        with (folder / INDEX).open(newline="", encoding="utf-8") as stream:
            return [_face(row) for row in csv.DictReader(stream)]
    except (OSError, KeyError) as error:
        raise UserError(f"{folder / INDEX} is not the index of dfdc-faces: {error}") from error


class FaceImages:
    """Reads the images out of the archives. May be shared by threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archives: dict[str, zipfile.ZipFile] = {}

    def read(self, face: Face) -> Image:
        """One image, RGB (rows, columns, 3). Raises `UserError` when it does not decode."""
        if face.archive not in self._archives:
            self._archives[face.archive] = zipfile.ZipFile(self._folder / face.archive)
        encoded = self._archives[face.archive].read(face.file)
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise UserError(f"{face.archive}/{face.file} is not an image")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _face(row: dict[str, str]) -> Face:
    return Face(row["archive"], row["file"], row["label"] == FAKE, row["group"], row["split"])
