"""What the watcher is told about a file that has stopped growing."""

import zipfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ddaemon.stages.media.probe import Readiness, readiness
from ddaemon.tests.clips import numbered_clip, numbered_frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_clip(tmp_path_factory.mktemp("clips") / "whole.mp4", 50)


def state(path: Path) -> Readiness:
    return readiness(path)[0]


def test_a_whole_clip_is_ready(clip: Path) -> None:
    assert readiness(clip) == (Readiness.READY, "mov,mp4,m4a,3gp,3g2,mj2, h264")


@pytest.mark.parametrize("part", [0.02, 0.5, 1.0])
def test_an_mp4_without_its_moov_is_still_being_written(
    clip: Path, tmp_path: Path, part: float
) -> None:
    data = clip.read_bytes()
    (tmp_path / "part.mp4").write_bytes(data[: int(data.index(b"moov") * part)])
    assert state(tmp_path / "part.mp4") is Readiness.WAITING


@pytest.mark.parametrize("length", [0, 1, 100_000])
def test_an_empty_or_preallocated_file_is_still_being_written(tmp_path: Path, length: int) -> None:
    (tmp_path / "blank.mp4").write_bytes(bytes(length))
    assert state(tmp_path / "blank.mp4") is Readiness.WAITING


def test_a_webm_that_ends_in_its_header_is_still_being_written(tmp_path: Path) -> None:
    whole = numbered_clip(tmp_path / "whole.webm", 10, codec="libvpx-vp9")
    (tmp_path / "part.webm").write_bytes(whole.read_bytes()[:200])
    assert state(tmp_path / "part.webm") is Readiness.WAITING


def test_text_a_picture_and_an_archive_are_foreign(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video\n" * 100)
    cv2.imwrite(str(tmp_path / "picture.png"), numbered_frame(1))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("a", "b" * 1000)
    for name in ("text.mp4", "picture.png", "archive.zip"):
        assert state(tmp_path / name) is Readiness.FOREIGN


def test_sound_alone_is_foreign_and_the_sentence_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 44100), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert readiness(path) == (Readiness.FOREIGN, "The file holds no moving pictures.")


def test_a_folder_is_foreign(tmp_path: Path) -> None:
    assert state(tmp_path) is Readiness.FOREIGN


def test_a_file_that_is_gone_is_nobodys_verdict(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        readiness(tmp_path / "gone.mp4")


def test_readiness_asks_for_no_frame(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddaemon.stages.media.pyav.Cursor", None)  # what decodes
    assert state(clip) is Readiness.READY
