"""The overlay shows who was judged where, at any frame rate and turned as a player would."""

import numpy as np
import pytest

from ddaemon.stages.frames import FrameSample
from ddaemon.stages.media.pyav import open_video
from ddaemon.stages.reporting.overlay import (
    MOST_FRAMES,
    draw_frame,
    people_at,
    rate_of,
    read_heat,
    times_of,
    write_overlay,
)
from ddaemon.stages.settings import FramesSettings
from ddaemon.tests.clips import numbered_clip, read_number
from ddaemon.tests.records import face_of, fake_record, lay_pictures, record_of


def one_person(width=128, height=96, fps=25.0, seconds=4.0):
    record = record_of("fake", 0.9, [face_of(0, [0.2, 0.9, 0.6, 0.7])])
    for frame in record["faces"][0]["frames"]:
        frame["box"] = [20, 20, 40, 40]
    record["heatmaps"] = []
    record["input"]["container"] |= {
        "width": width,
        "height": height,
        "fps": fps,
        "duration_s": seconds,
    }
    return record


def overlay(folder, video, record):
    told = []
    frames = FrameSample(video, FramesSettings())
    write_overlay(folder / "overlay.mp4", record, frames, told.append)
    assert told[-1] == 1
    with open_video(folder / "overlay.mp4", max_pixels=10**8, max_seconds=1000) as source:
        return source.facts, list(source.sample(1000))


def test_the_span_that_was_looked_at_is_shown_at_its_own_pace(tmp_path) -> None:
    video = numbered_clip(tmp_path / "clip.mp4", 60)
    facts, frames = overlay(tmp_path, video, one_person())
    assert facts.codec == "h264"
    assert facts.fps == pytest.approx(25)
    assert [read_number(frame.image) for frame in frames] == list(range(6, 6 + len(frames)))
    assert frames[-1].t == pytest.approx(1.48)  # 1.5 s at 25 a second, from 0


def test_a_variable_frame_rate_keeps_its_times(tmp_path) -> None:
    times = [0.0, 0.1, 0.2, 1.2, 1.3, 1.9]
    video = numbered_clip(tmp_path / "clip.mp4", 6, times=times)
    _, frames = overlay(tmp_path, video, one_person(fps=10.0))
    shown = {round(0.25 + frame.t, 2): read_number(frame.image) for frame in frames}
    for t, number in shown.items():
        assert number == max(i for i, begun in enumerate(times) if begun <= t + 1e-3)


def test_a_turned_video_is_turned(tmp_path) -> None:
    video = numbered_clip(tmp_path / "clip.mp4", 60, rotation=90)
    facts, _ = overlay(tmp_path, video, one_person(width=96, height=128))
    assert facts.rotation == 0
    assert facts.height > facts.width


def test_a_score_stays_until_the_next_look_and_the_box_moves_evenly() -> None:
    record = one_person()
    record["faces"][0]["frames"][1]["box"] = [40, 20, 40, 40]
    (early,), (middle,), (late,) = (people_at(record, t) for t in (0.25, 0.5, 0.75))
    assert (early.score, middle.score, late.score) == (0.2, 0.2, 0.9)
    assert (early.box[0], middle.box[0], late.box[0]) == (20, 30, 40)


def test_nobody_is_drawn_where_nobody_was_seen() -> None:
    record = fake_record()
    assert [person.track for person in people_at(record, 2.0)] == [0]
    assert [person.track for person in people_at(record, 3.5)] == [0, 1]
    assert people_at(record, 0.0) == []
    assert people_at(record, 60.0) == []


def test_the_heatmap_is_shown_until_the_next_look(tmp_path) -> None:
    record = fake_record()
    heat = read_heat(record, lay_pictures(record, tmp_path))
    grey = np.full((240, 320, 3), 128, np.uint8)
    corner = (slice(170, 230), slice(250, 310))
    explained = record["heatmaps"][1]["t"]
    with_heat = draw_frame(grey, explained + 0.3, record, heat)[corner]
    without = draw_frame(grey, explained + 0.6, record, heat)[corner]
    assert (without == 128).all()
    assert (with_heat != 128).mean() > 0.5


@pytest.mark.parametrize("width", [64, 128, 641, 4000])
def test_the_picture_is_readable_and_no_wider_than_1280(width) -> None:
    grey = np.full((width * 3 // 4, width, 3), 128, np.uint8)
    shown = draw_frame(grey, 0.5, one_person(), {})
    assert 320 <= shown.shape[1] <= 1280
    assert shown.shape[0] % 2 == shown.shape[1] % 2 == 0


def test_a_tower_of_a_video_is_no_taller_than_1920() -> None:
    shown = draw_frame(np.full((4000, 16, 3), 128, np.uint8), 0.5, one_person(), {})
    assert shown.shape[0] == 1920
    assert shown.shape[1] >= 2


def test_a_very_long_video_is_shown_in_fewer_frames() -> None:
    record = one_person()
    record["faces"] = [face_of(0, [0.9] * 32, step=675.0)]
    assert len(times_of(record)) <= MOST_FRAMES + 1
    assert rate_of(one_person(fps=240.0)) == 30


def test_a_person_seen_in_one_moment_only_is_one_picture() -> None:
    record = record_of("fake", 0.9, [face_of(0, [0.9] * 4)])
    record["faces"][0]["frames"] = record["faces"][0]["frames"][:1]
    assert times_of(record) == [0.25]
    assert [person.track for person in people_at(record, 0.25)] == [0]
