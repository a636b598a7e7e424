"""Which frames the stages see, and what is left of them on disk."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ddaemon.stages.base import Stage
from ddaemon.stages.frames import Frames, FrameSample
from ddaemon.stages.settings import FramesSettings
from ddaemon.storage.errors import NotAnalysable, Reason
from ddaemon.tests.clips import numbered_clip, read_number
from ddaemon.tests.stage_context import stage_context


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", 50)


def sample_of(clip: Path, work: Path, **frames: object) -> FrameSample:
    return Frames().run(stage_context(clip, work, frames=frames))["frames"]


def test_it_keeps_the_stage_protocol() -> None:
    assert isinstance(Frames(), Stage)


def test_as_many_frames_come_as_are_configured(clip: Path, tmp_path: Path) -> None:
    sample = sample_of(clip, tmp_path, count=5)
    assert sample.count == 5
    assert [read_number(frame.image) for frame in sample] == [5, 15, 25, 35, 45]


def test_the_sample_can_be_iterated_again(clip: Path, tmp_path: Path) -> None:
    sample = sample_of(clip, tmp_path, count=4)
    assert [frame.t for frame in sample] == [frame.t for frame in sample]


def test_chosen_frames_are_the_sampled_ones(clip: Path, tmp_path: Path) -> None:
    sample = sample_of(clip, tmp_path, count=5)
    frames = list(sample)
    (again,) = sample.at([frames[3].t])
    assert np.array_equal(again.image, frames[3].image)


def test_no_file_stays_open_between_iterations(clip: Path, tmp_path: Path) -> None:
    sample = sample_of(clip, tmp_path, count=3)
    list(sample)
    handles = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    assert clip.resolve() not in handles


def test_the_container_is_told_as_plain_values(clip: Path, tmp_path: Path) -> None:
    container = Frames().run(stage_context(clip, tmp_path))["container"]
    assert container == {
        "format": "mov,mp4,m4a,3gp,3g2,mj2",
        "codec": "h264",
        "width": 128,
        "height": 96,
        "fps": 25.0,
        "duration_s": 2.0,
        "rotation": 0,
    }


def test_frames_are_kept_as_numbered_jpegs_when_asked_for(clip: Path, tmp_path: Path) -> None:
    list(sample_of(clip, tmp_path, count=3, keep=True))
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
    ]
    assert read_number(cv2.imread(str(tmp_path / "frames/1.jpg"))) == 25


def test_a_kept_frame_is_not_written_twice(clip: Path, tmp_path: Path) -> None:
    sample = sample_of(clip, tmp_path, count=3, keep=True)
    list(sample)
    (tmp_path / "frames/1.jpg").write_bytes(b"mine")
    list(sample)
    assert (tmp_path / "frames/1.jpg").read_bytes() == b"mine"


def test_nothing_is_written_otherwise(clip: Path, tmp_path: Path) -> None:
    list(sample_of(clip, tmp_path, count=3))
    assert not list(tmp_path.iterdir())


def test_the_limits_of_the_settings_hold(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(NotAnalysable) as caught:
        sample_of(clip, tmp_path, max_pixels=100)
    assert caught.value.reason is Reason.UNSUPPORTED


def test_a_kept_frame_that_cannot_be_written_is_an_error(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("in the way")
    with pytest.raises(OSError):
        list(FrameSample(clip, FramesSettings(count=2, keep=True), tmp_path / "frames"))
