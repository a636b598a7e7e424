"""What a video source promises, on clips whose frames carry their number."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ddaemon.stages.media import pyav
from ddaemon.stages.media.encode import write_video
from ddaemon.stages.media.pyav import PyavVideo, open_video
from ddaemon.stages.media.skipping import Skipper
from ddaemon.storage.errors import NotAnalysable, Reason
from ddaemon.tests.clips import numbered_clip, numbered_frame, read_number

LIMITS = {"max_pixels": 10**7, "max_seconds": 3600.0}
FRAME_BYTES = 20_000  # a little more than a decoded frame of these clips takes
UNEVEN = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.2, 100)).tolist()
KINDS = {
    "long-gop.mp4": {"options": {"g": "1000", "bf": "0"}},
    "b-frames.mp4": {"options": {"g": "24", "bf": "3"}},
    "open-gop.mp4": {"options": {"g": "24", "bf": "3", "x264-params": "open-gop=1"}},
    "all-intra.mp4": {"options": {"g": "1"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=24:log-level=none"}},
    "h264.mkv": {"options": {"g": "24"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "24", "deadline": "realtime"}},
    "mpeg1.mpg": {"codec": "mpeg1video"},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "24"}},
    "packed.avi": {"codec": "mpeg4", "options": {"g": "24", "bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "h264.mov": {"options": {"g": "24"}},
    "h264.ts": {"options": {"g": "24"}},
    "h264.flv": {"options": {"g": "24"}},
    "raw.h264": {"options": {"g": "24"}},
    "anamorphic.mp4": {"aspect": Fraction(16, 11)},
    "uneven.mp4": {"times": UNEVEN, "options": {"g": "24"}},
    "uneven.mkv": {"times": UNEVEN, "options": {"g": "24"}},
}
SEEKABLE = ["b-frames.mp4", "open-gop.mp4", "all-intra.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, how in KINDS.items():
        numbered_clip(folder / name, 100, **how)
    return folder


def opened(path: Path, seek: bool = True) -> PyavVideo:
    return PyavVideo(path, **LIMITS, threads=1, seek=seek)


def shown_at(times: list[float], moment: float) -> int:
    """The number of the last frame with a time <= `moment`."""
    return max([number for number, t in enumerate(times) if t <= moment], default=0)


@pytest.mark.parametrize("name", KINDS)
def test_each_sampled_frame_is_the_one_on_display_in_the_middle_of_its_part(
    clips: Path, name: str
) -> None:
    video = opened(clips / name)
    times = [t - UNEVEN[0] for t in UNEVEN] if "uneven" in name else [i / 25 for i in range(100)]
    span = video.facts.duration_s
    expected = [shown_at(times, (i + 0.5) * span / 7 + 1e-3) for i in range(7)]
    assert [read_number(frame.image) for frame in video.sample(7)] == expected


@pytest.mark.parametrize("name", KINDS)
def test_a_frames_time_is_its_own_and_not_the_one_that_was_asked_for(
    clips: Path, name: str
) -> None:
    for frame in opened(clips / name).sample(7):
        number = read_number(frame.image)
        own = UNEVEN[number] - UNEVEN[0] if "uneven" in name else number / 25
        assert frame.t == pytest.approx(own, abs=2e-3)


@pytest.mark.parametrize("name", KINDS)
def test_seeking_gives_the_very_frames_that_walking_gives(clips: Path, name: str) -> None:
    sought = list(opened(clips / name).sample(7))
    walked = list(opened(clips / name, seek=False).sample(7))
    assert [frame.t for frame in sought] == [frame.t for frame in walked]
    for one, other in zip(sought, walked, strict=True):
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("name", KINDS)
def test_asking_again_for_a_frames_time_gives_that_frame(clips: Path, name: str) -> None:
    video = opened(clips / name)
    sampled = list(video.sample(7))
    again = list(video.at([sampled[2].t, sampled[5].t]))
    assert [frame.t for frame in again] == [sampled[2].t, sampled[5].t]
    assert np.array_equal(again[1].image, sampled[5].image)


@pytest.mark.parametrize("frames_kept", [0, 3, 7])
def test_frames_seen_again_are_those_of_before_whether_they_were_kept_or_not(
    clips: Path, frames_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyav, "KEPT_BYTES", frames_kept * FRAME_BYTES)
    video = opened(clips / "b-frames.mp4")
    sampled = list(video.sample(7))
    decoded = video.decoded
    again = list(video.at([frame.t for frame in sampled]))
    for one, other in zip(again, sampled, strict=True):
        assert one.t == other.t
        assert np.array_equal(one.image, other.image)
    assert (video.decoded == decoded) == (frames_kept == 7)


@pytest.mark.parametrize("name", SEEKABLE)
def test_keyframes_between_the_samples_save_decoding(clips: Path, name: str) -> None:
    sought, walked = opened(clips / name), opened(clips / name, seek=False)
    list(sought.sample(3)), list(walked.sample(3))
    assert sought.decoded < 0.75 * walked.decoded


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("count", [3, 40])
def test_leaving_out_what_nothing_refers_to_changes_no_frame(
    clips: Path, name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipping = opened(clips / name, seek=False)
    found = list(skipping.sample(count))
    monkeypatch.setattr(Skipper, "_is_before_another", lambda *_: False)
    whole = opened(clips / name, seek=False)
    expected = list(whole.sample(count))
    assert [frame.t for frame in found] == [frame.t for frame in expected]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.image, other.image)
    if name == "b-frames.mp4" and count == 3:
        assert skipping.decoded < 0.75 * whole.decoded


def test_intra_only_video_costs_two_frames_a_sample(clips: Path) -> None:
    video = opened(clips / "all-intra.mp4")
    list(video.sample(5))
    assert video.decoded <= 2 * 6  # the start, then five samples


def test_a_short_video_gives_each_frame_once(tmp_path: Path) -> None:
    video = opened(numbered_clip(tmp_path / "five.mp4", 5))
    assert [read_number(frame.image) for frame in video.sample(50)] == [0, 1, 2, 3, 4]
    assert [frame.index for frame in video.sample(50)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_picture_stored_on_its_side_is_shown_upright(tmp_path: Path, rotation: int) -> None:
    stored = np.ascontiguousarray(np.rot90(numbered_frame(77), rotation // 90))
    write_video(tmp_path / "turned.mp4", [stored] * 5, rotation=rotation)
    video = opened(tmp_path / "turned.mp4")
    assert (video.facts.rotation, video.facts.width, video.facts.height) == (rotation, 128, 96)
    frame = next(video.sample(1))
    assert frame.image.shape == (96, 128, 3)
    assert read_number(frame.image) == 77


def test_pixels_are_made_square_by_stretching(clips: Path) -> None:
    video = opened(clips / "anamorphic.mp4")
    assert (video.facts.width, video.facts.height) == (186, 96)
    assert next(video.sample(1)).image.shape == (96, 186, 3)


def test_colours_come_out_as_they_went_in(tmp_path: Path) -> None:
    colour = np.array([200, 60, 30], np.uint8)
    write_video(tmp_path / "red.mp4", [np.full((64, 64, 3), colour)] * 5)
    image = next(opened(tmp_path / "red.mp4").sample(1)).image
    assert np.abs(image.mean(axis=(0, 1)) - colour).max() < 4


def test_the_container_says_what_it_is(clips: Path) -> None:
    facts = opened(clips / "vp9.webm").facts
    assert (facts.format, facts.codec, facts.fps) == ("matroska,webm", "vp9", 25.0)
    assert facts.duration_s == pytest.approx(4.0, abs=0.05)


def test_a_file_without_a_duration_is_measured_by_its_packets(clips: Path) -> None:
    assert opened(clips / "raw.h264").facts.duration_s == pytest.approx(4.0, abs=0.05)


def test_two_iterations_may_run_side_by_side(clips: Path) -> None:
    video = opened(clips / "b-frames.mp4")
    pairs = list(zip(video.sample(5), video.sample(5), strict=True))
    assert len(pairs) == 5
    assert all(np.array_equal(one.image, other.image) for one, other in pairs)


def test_a_stream_that_breaks_gives_what_it_has(clips: Path, tmp_path: Path) -> None:
    whole = (clips / "vp9.webm").read_bytes()
    cut = tmp_path / "cut.webm"
    cut.write_bytes(whole[: len(whole) // 2])
    numbers = [read_number(frame.image) for frame in opened(cut).sample(10)]
    assert 2 <= len(numbers) < 10
    assert numbers == sorted(set(numbers))


def test_an_index_that_points_beyond_the_files_end_misleads_nobody(
    clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as copy:
        _remux(clips / "all-intra.mp4", copy)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    video = opened(path)
    sought = [frame.t for frame in video.sample(10)]
    assert sought == [frame.t for frame in opened(path, seek=False).sample(10)]
    assert 3 <= len(sought) < 10
    assert video.decoded <= 2 * 10 + 2  # and it sought to the last


@pytest.mark.parametrize("name", ["h264.mkv", "all-intra.mp4", "mpeg4.avi", "mpeg2.mpg", "h264.ts"])
def test_damage_anywhere_ends_in_frames_or_in_a_verdict(
    clips: Path, tmp_path: Path, name: str
) -> None:
    whole = (clips / name).read_bytes()
    for seed in range(15):
        rng = np.random.default_rng(seed)
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(len(data), size=100)] = rng.integers(256, size=100)
        (tmp_path / name).write_bytes(data.tobytes())
        try:
            times = [frame.t for frame in opened(tmp_path / name).sample(4)]
            assert times and times == sorted(set(times))
        except NotAnalysable as refusal:
            assert refusal.reason in (Reason.UNDECODABLE, Reason.UNSUPPORTED)


def test_frames_that_change_size_on_the_way_keep_the_displayed_size(tmp_path: Path) -> None:
    small, large = tmp_path / "a.ts", tmp_path / "b.ts"
    write_video(small, [numbered_frame(1)] * 25, options={"g": "5"})
    write_video(large, [np.repeat(np.repeat(numbered_frame(2), 2, 0), 2, 1)] * 25)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    first, second = opened(both).at([0.1, 1.9])
    assert first.image.shape == second.image.shape == (96, 128, 3)
    assert (read_number(first.image), read_number(second.image)) == (1, 2)


def test_frames_that_grow_beyond_the_limit_on_the_way_end_the_video(tmp_path: Path) -> None:
    small, large = tmp_path / "a.ts", tmp_path / "b.ts"
    write_video(small, [numbered_frame(1)] * 25)
    write_video(large, [np.repeat(np.repeat(numbered_frame(2), 2, 0), 2, 1)] * 25)
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    video = open_video(both, max_pixels=96 * 128 + 1000, max_seconds=60)
    assert {read_number(frame.image) for frame in video.at([0.5, 1.5, 1.9])} == {1}


def refusal(path: Path, **limits: float) -> NotAnalysable:
    with pytest.raises(NotAnalysable) as caught:
        open_video(path, **{**LIMITS, **limits})
    return caught.value


def test_too_many_pixels_are_refused_with_the_limit_named(clips: Path) -> None:
    refused = refusal(clips / "b-frames.mp4", max_pixels=96 * 128 - 1)
    assert refused.reason is Reason.UNSUPPORTED
    assert "128 x 96" in refused.detail and "frames.max_pixels" in refused.detail


def test_too_many_pixels_are_refused_before_a_frame_is_decoded(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddaemon.stages.media.pyav.Cursor", None)  # what decodes
    assert refusal(clips / "b-frames.mp4", max_pixels=100).reason is Reason.UNSUPPORTED


def test_a_video_beyond_the_length_limit_is_refused(clips: Path) -> None:
    refused = refusal(clips / "b-frames.mp4", max_seconds=3.0)
    assert refused.reason is Reason.UNSUPPORTED
    assert "frames.max_seconds" in refused.detail


def test_a_video_whose_frames_are_all_noise_is_undecodable(clips: Path, tmp_path: Path) -> None:
    data = bytearray((clips / "b-frames.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = np.random.default_rng(1).bytes(end - start)
    (tmp_path / "noise.mp4").write_bytes(data)
    assert refusal(tmp_path / "noise.mp4").reason is Reason.UNDECODABLE


def test_a_missing_file_is_not_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_video(tmp_path / "none.mp4", **LIMITS)


def test_a_playlist_opens_no_other_file(clips: Path, tmp_path: Path) -> None:
    target = clips / "h264.ts"
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n")
    assert refusal(playlist).reason is Reason.UNSUPPORTED
    playlist.write_text(f"ffconcat version 1.0\nfile '{target}'\n")
    assert refusal(playlist).reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_picture_is_not_a_video_whatever_it_is_called(tmp_path: Path, ending: str) -> None:
    cv2.imwrite(str(tmp_path / f"picture{ending}"), numbered_frame(1))
    path = (tmp_path / f"picture{ending}").rename(tmp_path / "picture.mp4")
    assert refusal(path).reason is Reason.UNSUPPORTED


def _remux(source: Path, target: "av.container.OutputContainer") -> None:
    with av.open(str(source)) as container:
        stream = target.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
