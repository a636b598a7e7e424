"""The files of a data set: which are videos and images, and reading them, even from zips."""

import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ...stages.media.video import Image
from ...storage.errors import NotAnalysable, Reason
from .rows import IMAGE, VIDEO

VIDEO_SUFFIXES = frozenset(
    [
        ".3gp",
        ".avi",
        ".flv",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    ]
)
IMAGE_SUFFIXES = frozenset([".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])
ARCHIVE_SUFFIX = ".zip"
OPEN_ARCHIVES = 64
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    RuntimeError,  # an encrypted member, or an unknown compression method
)


def kind_of(path: str) -> str:
    """`VIDEO` or `IMAGE` by the suffix; "" for anything else."""
    suffix = PurePosixPath(path).suffix.lower()
    return VIDEO if suffix in VIDEO_SUFFIXES else IMAGE if suffix in IMAGE_SUFFIXES else ""


def media_below(folder: Path) -> Iterator[Path]:
    """All videos and images at any depth, sorted; hidden files and folders are skipped."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and kind_of(path.name) and not path.is_dir():
            yield path


def split_archive(path: str) -> tuple[str, str]:
    """The archive and the member that a path names; ("", path) for a file of its own."""
    parts = PurePosixPath(path).parts
    for place, part in enumerate(parts[:-1], 1):
        if part.lower().endswith(ARCHIVE_SUFFIX):
            return "/".join(parts[:place]), "/".join(parts[place:])
    return "", path


def fault_of(root: Path, path: str) -> tuple[str, str] | None:
    """Why a row can't name this path: the kind of fault, and the path with details."""
    archive, member = split_archive(path)
    file = root / (archive or path)
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not file.resolve().is_relative_to(root):
        return "paths that leave the data set's folder", path
    if not file.is_file():
        return "missing files", archive or path
    if not kind_of(path):
        return "files that are neither videos nor images by their name", path
    return _fault_of_member(file, path, member) if archive else None


def _fault_of_member(file: Path, path: str, member: str) -> tuple[str, str] | None:
    try:
        names = archive_sizes(file)
    except (OSError, *_ZIP_FAULTS) as error:
        return "archives that can't be opened", f"{file.name} ({error})"
    if member not in names:
        return "missing files", path
    if kind_of(member) == VIDEO:
        return "videos inside an archive (unpack it)", path
    return None


def archive_sizes(file: Path) -> dict[str, int]:
    """The members of a zip and their sizes in bytes."""
    return _archive(*_state(file))[1]


def video_path(root: Path, path: str) -> Path:
    """The path of a row's video."""
    return root / path


def read_bytes(root: Path, path: str) -> bytes:
    """A file's content, even from an archive. Raises OSError when it can't be read."""
    archive, member = split_archive(path)
    if not archive:
        return (root / path).read_bytes()
    try:
        return _archive(*_state(root / archive))[0].read(member)
    except _ZIP_FAULTS as error:
        raise OSError(f"{path} can't be unpacked: {error}") from error


def read_image(root: Path, path: str) -> Image:
    """An image, RGB uint8 (height, width, 3), rotated as its EXIF says.

    Raises `NotAnalysable` (undecodable) when it does not decode, OSError when it can't be read.
    """
    return decode_image(read_bytes(root, path))


def decode_image(encoded: bytes) -> Image:
    """An encoded image as RGB. Raises `NotAnalysable` (undecodable) when it does not decode."""
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # an empty file, or one that claims too many pixels
        raise NotAnalysable(Reason.UNDECODABLE, "The image does not decode.") from error
    if image is None:
        raise NotAnalysable(Reason.UNDECODABLE, "The image does not decode.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _state(file: Path) -> tuple[Path, int, int]:
    state = file.stat()
    return file, state.st_size, state.st_mtime_ns


@lru_cache(OPEN_ARCHIVES)
def _archive(file: Path, _size: int, _changed: int) -> tuple[zipfile.ZipFile, dict[str, int]]:
    """An open archive; size and time are parameters so that a changed one is opened again."""
    archive = zipfile.ZipFile(file)
    return archive, {member.filename: member.file_size for member in archive.infolist()}
