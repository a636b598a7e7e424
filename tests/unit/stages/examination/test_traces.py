"""Each kind of trace on a file that was really made that way, and silence on one that was not."""

from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from ddaemon.stages.examination.traces import FINDERS, LIMITS
from ddaemon.stages.examine import Examine
from ddaemon.stages.media.inspection import MAX_STREAMS
from ddaemon.tests.clips import numbered_clip
from ddaemon.tests.recordings import recording, trimmed, with_clock
from ddaemon.tests.stage_context import stage_context

ROOT = Path(__file__).parents[4]
SINCE_1904 = {year: int((datetime(year, 6, 1, tzinfo=UTC) - datetime(1904, 1, 1, tzinfo=UTC))
                        .total_seconds()) for year in (1970, 2020, 2021, 2031)}  # fmt: skip
RECEIVED = "2026-01-01T00:00:00.000Z"  # of `stage_context`


def traces_of(video: Path) -> dict[str, str]:
    """The traces by kind; for kinds that came twice, the last."""
    given = Examine().run(stage_context(video, video.parent))
    return {trace["kind"]: trace["text"] for trace in given["examination"]["traces"]}


def test_what_writes_files_names_itself_in_a_tag(tmp_path: Path) -> None:
    found = traces_of(recording(tmp_path / "a.mp4"))
    assert found["encoder_tool"].startswith('The tag encoder says "Lavf')
    assert "cameras seldom do" in found["encoder_tool"]


@pytest.mark.parametrize(
    ("name", "value", "whose"),
    [
        ("software", "HandBrake 1.7.2 2024010100", "HandBrake"),
        ("encoded_by", "Adobe Premiere Pro 2024.1", "Adobe"),
        ("comment", "made with CapCut", "ByteDance"),
        ("com.apple.quicktime.software", "Final Cut Pro 10.7", "Apple"),
        ("encoding_tool", "Blackmagic Design DaVinci Resolve Studio", "DaVinci"),
    ],
)
def test_each_known_program_is_told_by_its_name(
    tmp_path: Path, name: str, value: str, whose: str
) -> None:
    clip = recording(tmp_path / "a.mov", tags={name: value})
    traces = Examine().run(stage_context(clip, tmp_path))["examination"]["traces"]
    told = [trace["text"] for trace in traces if trace["kind"] == "encoder_tool"]
    assert any(value in text and whose in text.partition(": ")[2] for text in told), told


def test_a_title_or_an_unknown_program_is_no_tool(tmp_path: Path) -> None:
    clip = recording(tmp_path / "a.mp4", tags={"title": "On Adobe", "software": "Camera 3.1"})
    traces = Examine().run(stage_context(clip, tmp_path))["examination"]["traces"]
    told = [trace["text"] for trace in traces if trace["kind"] == "encoder_tool"]
    assert len(told) == 1, "FFmpeg's library, which wrote the test's file"


@pytest.mark.parametrize(
    ("name", "codec", "note"),
    [
        ("a.mp4", "libx264", "x264 - core"),
        ("a.ts", "libx264", "x264 - core"),
        ("a.mkv", "libx265", "x265 (build"),
        ("a.avi", "mpeg4", "Lavc"),
    ],
)
def test_the_note_that_an_encoder_leaves_in_the_pictures_is_read(
    tmp_path: Path, name: str, codec: str, note: str
) -> None:
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    clip = numbered_clip(tmp_path / name, 10, codec=codec, options=quiet)
    assert f'"{note}' in traces_of(clip)["encoder_note"]


def test_an_encoder_that_leaves_no_note_has_none(tmp_path: Path) -> None:
    assert "encoder_note" not in traces_of(numbered_clip(tmp_path / "a.avi", 10, codec="mjpeg",
                                                         pixel_format="yuvj420p"))  # fmt: skip


def test_a_file_made_from_an_mp4_still_carries_its_brand(tmp_path: Path) -> None:
    made = recording(tmp_path / "a.mkv", tags={"major_brand": "isom"}, codec="libx264")
    assert "seems made from one" in traces_of(made)["converted"]
    assert "converted" not in traces_of(recording(tmp_path / "a.mp4"))


def test_a_name_that_promises_another_container_is_noted(tmp_path: Path) -> None:
    clip = recording(tmp_path / "a.mkv", codec="libx264").rename(tmp_path / "a.mp4")
    assert traces_of(clip)["misnamed"] == (
        "Its name ends in .mp4, but the container is matroska,webm."
    )


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "mpg", "ts", "flv"])
def test_a_right_name_is_not_noted(tmp_path: Path, ending: str) -> None:
    codec = "mpeg1video" if ending == "mpg" else "libx264"
    assert "misnamed" not in traces_of(numbered_clip(tmp_path / f"a.{ending}", 10, codec=codec))


def test_a_file_that_does_not_say_when_it_was_made_is_noted(tmp_path: Path) -> None:
    assert "zero (1904-01-01)" in traces_of(recording(tmp_path / "a.mp4"))["no_creation_time"]
    other = traces_of(recording(tmp_path / "a.mkv", codec="libx264"))["no_creation_time"]
    assert other == "It does not say when it was made."


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_likely_creation_time_is_no_trace(tmp_path: Path, name: str) -> None:
    tags = {"creation_time": "2025-12-31T10:00:00Z"}
    found = traces_of(recording(tmp_path / name, tags=tags, codec="libx264"))
    assert not set(found) & {"no_creation_time", "odd_creation_time", "created_after_received"}


@pytest.mark.parametrize("seconds", [1, SINCE_1904[1970]])
@pytest.mark.parametrize("box", ["mvhd", "mdhd"])
def test_a_clock_that_was_never_set_is_noted(tmp_path: Path, box: str, seconds: int) -> None:
    plain = recording(tmp_path / "plain.mp4")
    found = traces_of(with_clock(plain, tmp_path / "a.mp4", box, seconds, seconds))
    assert f"By the header {box} it was made at 19" in found["odd_creation_time"]
    assert "no_creation_time" not in found


@pytest.mark.parametrize("text", ["yesterday\x1b[2J", "0001-01-01T00:00:00+14:00"])
def test_a_creation_time_that_can_not_be_is_noted(tmp_path: Path, text: str) -> None:
    clip = recording(tmp_path / "a.mp4", tags={"creation_time": text})
    found = traces_of(clip)["odd_creation_time"]
    assert "\x1b" not in found


@pytest.mark.parametrize("text", ["2026-01-03T00:00:00Z", "9999-12-31T23:59:59-14:00"])
def test_a_file_made_after_it_was_received_is_noted(tmp_path: Path, text: str) -> None:
    clip = recording(tmp_path / "a.mp4", tags={"creation_time": text})
    assert "2026-01-01 00:00:00 UTC" in traces_of(clip)["created_after_received"]


def test_local_time_written_as_utc_is_not_taken_for_the_future(tmp_path: Path) -> None:
    tags = {"creation_time": "2026-01-01T13:00:00Z"}
    clip = recording(tmp_path / "a.mkv", tags=tags, codec="libx264")
    assert "created_after_received" not in traces_of(clip)


def test_a_header_changed_before_it_was_made_is_noted(tmp_path: Path) -> None:
    plain = recording(tmp_path / "plain.mp4")
    early, late = SINCE_1904[2020], SINCE_1904[2021]
    backwards = with_clock(plain, tmp_path / "a.mp4", "mvhd", late, early)
    assert "2020-06-01 00:00:00 UTC" in traces_of(backwards)["modified_before_created"]
    forwards = with_clock(plain, tmp_path / "b.mp4", "mvhd", early, late)
    assert "modified_before_created" not in traces_of(forwards)


def test_missing_sound_is_noted(tmp_path: Path) -> None:
    assert "no_sound" in traces_of(recording(tmp_path / "a.mp4", sound=None))
    assert "no_sound" not in traces_of(recording(tmp_path / "b.mp4"))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_streams_of_very_different_length_are_noted(tmp_path: Path, name: str) -> None:
    clip = recording(tmp_path / name, seconds=3, sound=(0.0, 1.0), codec="libx264")
    assert "The video (stream 0) lasts 3.0" in traces_of(clip)["durations_differ"]
    alike = recording(tmp_path / f"b{name}", seconds=1, sound=(0.0, 1.2), codec="libx264")
    assert "durations_differ" not in traces_of(alike)


def test_streams_that_begin_apart_are_noted(tmp_path: Path) -> None:
    clip = recording(tmp_path / "a.mkv", seconds=2, sound=(0.5, 1.5), codec="libx264")
    text = traces_of(clip)["starts_differ"]
    assert text.startswith("The audio (stream 1) begins 0.")
    assert "starts_differ" not in traces_of(recording(tmp_path / "b.mkv", codec="libx264"))


@pytest.mark.parametrize("keyframes", [5, 8, 250])
def test_pictures_that_an_edit_list_hides_are_noted(tmp_path: Path, keyframes: int) -> None:
    """Also those before the keyframe at which players begin."""
    whole = numbered_clip(tmp_path / "whole.mp4", 75, options={"g": str(keyframes)})
    cut = trimmed(whole, tmp_path / "cut.mp4", 1.0)
    assert traces_of(cut)["hidden_pictures"].startswith("25 picture(s)")
    assert "hidden_pictures" not in traces_of(whole)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_rate_that_varies_is_noted(tmp_path: Path, name: str) -> None:
    times = [0.04 * number + 0.015 * (number % 3 == 1) for number in range(30)]
    clip = recording(tmp_path / name, times=times, codec="libx264")
    found = traces_of(clip)
    assert "over 30 pictures" in found["variable_frame_rate"]
    assert "gap" not in found


def test_pictures_missing_from_a_steady_rate_are_noted(tmp_path: Path) -> None:
    times = [number / 25 for number in (*range(20), *range(40, 60))]
    found = traces_of(recording(tmp_path / "a.mp4", times=times, codec="libx264"))
    assert "at 0.76 s none for 0.840 s" in found["gap"]
    assert "variable_frame_rate" not in found


@pytest.mark.parametrize("fps", [25, 30, 24000 / 1001, 60])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.flv"])
def test_a_steady_rate_is_no_trace_however_coarse_the_clock(
    tmp_path: Path, name: str, fps: float
) -> None:
    clip = numbered_clip(
        tmp_path / name, 60, fps=fps, codec="mpeg4" if "avi" in name else "libx264"
    )
    assert not set(traces_of(clip)) & {"variable_frame_rate", "gap"}


def test_more_tags_and_streams_than_are_listed_are_counted(tmp_path: Path) -> None:
    tags = {f"t{number}": "x" for number in range(3000)}
    text = traces_of(recording(tmp_path / "a.mkv", tags=tags, codec="libx264"))["excess"]
    assert text.startswith("It has 300")
    with av.open(str(tmp_path / "b.mkv"), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(MAX_STREAMS + 1)]
        for stream in streams:
            stream.width = stream.height = 16
        container.start_encoding()
        for stream in streams:
            frame = av.VideoFrame(16, 16, "yuv420p")
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    assert "streams, far more than usual; 64" in traces_of(tmp_path / "b.mkv")["excess"]


def test_the_docs_explain_every_kind_of_trace() -> None:
    import re

    source = (ROOT / "stages" / "examination" / "traces.py").read_text()
    kinds = set(re.findall(r'Trace\(\s*"(\w+)"', source))
    assert len(kinds) >= len(FINDERS)
    explained = (ROOT / "docs" / "examination.md").read_text()
    for kind in kinds:
        assert f"| `{kind}` |" in explained, kind
    assert LIMITS in " ".join(explained.replace("\n> ", " ").split())
