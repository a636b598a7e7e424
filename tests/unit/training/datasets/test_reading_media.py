"""What lies in a data set is read from there and nowhere else."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ddaemon.storage.errors import NotAnalysable
from ddaemon.training.datasets.media import fault_of, kind_of, read_image, video_path

MakeImage = Callable[[Path, int], Path]


@pytest.fixture
def archive(tmp_path: Path, make_image: MakeImage) -> Path:
    image = make_image(tmp_path / "a.png", 1)
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as zipped:
        zipped.write(image, "deep/a.png")
        zipped.writestr("film.mp4", "")
    return tmp_path


def test_an_image_reads_the_same_out_of_an_archive(archive: Path) -> None:
    image = read_image(archive, "a.png")
    assert (image.shape, image.dtype) == ((64, 68, 3), np.uint8)
    assert np.array_equal(read_image(archive, "faces.zip/deep/a.png"), image)


def test_a_changed_archive_is_opened_anew(archive: Path, make_image: MakeImage) -> None:
    before = read_image(archive, "faces.zip/deep/a.png")
    with zipfile.ZipFile(archive / "faces.zip", "w") as zipped:
        zipped.write(make_image(archive / "b.png", 2), "deep/a.png")
    assert not np.array_equal(read_image(archive, "faces.zip/deep/a.png"), before)


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_what_is_no_image_is_not_analysable(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(NotAnalysable):
        read_image(tmp_path, "a.png")


def test_a_damaged_member_is_an_os_error(archive: Path) -> None:
    content = bytearray((archive / "faces.zip").read_bytes())
    content[200] ^= 255
    (archive / "faces.zip").write_bytes(content)
    with pytest.raises(OSError, match="unpacked"):
        read_image(archive, "faces.zip/deep/a.png")


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("a.png", None),
        ("faces.zip/deep/a.png", None),
        ("../a.png", "paths that leave"),
        ("deep/../a.png", "paths that leave"),
        ("/etc/hostname", "paths that leave"),
        ("out/a.png", "paths that leave"),
        ("b.png", "missing"),
        ("faces.zip/b.png", "missing"),
        ("none.zip/b.png", "missing"),
        ("notes.txt", "neither videos nor images"),
        ("faces.zip/film.mp4", "inside an archive"),
        ("broken.zip/a.png", "can't be opened"),
        ("folder.mp4", "missing"),
    ],
)
def test_a_path_that_can_not_be_used_says_why(path: str, fault: str | None, archive: Path) -> None:
    root = archive / "data"
    root.mkdir()
    for name in ("a.png", "faces.zip"):
        (archive / name).rename(root / name)
    (archive / "outside").mkdir()
    (archive / "outside" / "a.png").touch()
    (root / "out").symlink_to(archive / "outside")
    (root / "notes.txt").touch()
    (root / "broken.zip").write_text("no zip")
    (root / "folder.mp4").mkdir()
    found = fault_of(root.resolve(), path)
    assert (found is None) if fault is None else (found is not None and fault in found[0])


def test_kinds_go_by_the_suffix() -> None:
    kinds = [kind_of(name) for name in ("a.MP4", "b.webm", "c.JPG", "d.txt", "mp4")]
    assert kinds == ["video", "video", "image", "", ""]
    assert video_path(Path("/data"), "x/a.mp4") == Path("/data/x/a.mp4")
