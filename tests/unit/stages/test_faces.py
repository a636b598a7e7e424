"""Faces are found, told apart by place, and cropped as the detector learned them."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from ddaemon.stages import shipped
from ddaemon.stages.base import Stage
from ddaemon.stages.detection import facefinder
from ddaemon.stages.detection.facefinder import FaceFinder
from ddaemon.stages.detection.landmarks import LandmarkFinder
from ddaemon.stages.detection.tracking import Tracker
from ddaemon.stages.faces import (
    FaceReader,
    Faces,
    choose_tracks,
    crop_square,
    cut_square,
    face_square,
    follow_faces,
)
from ddaemon.stages.facts import FaceSample, FaceTrack
from ddaemon.stages.frames import Frames, FrameSample
from ddaemon.stages.media.video import Image
from ddaemon.stages.settings import FacesSettings, FramesSettings
from ddaemon.storage.errors import DetectorError, NotAnalysable, Reason
from ddaemon.tests.clips import blank_clip, face_clip
from ddaemon.tests.shared import SHARED, needs_shared
from ddaemon.tests.stage_context import CROP, stage_context
from ddaemon.training.forgery.clips import portrait_landmarks, read_portrait

FACE = (224, 117)  # the middle of the portrait's face, in its pixels, by eye


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips")
    face_clip(path / "one.mp4")
    face_clip(path / "two.mp4", faces=2)
    return path


@pytest.fixture(scope="module")
def portrait() -> Image:
    return read_portrait()


def tracks_in(
    clip: Path, progress: list[float] | None = None, threads: int = 1, **faces: object
) -> list[FaceTrack]:
    work = clip.parent
    tables = {"frames": {"count": 6}, "faces": faces, "features": {"threads": threads}}
    frames = Frames().run(stage_context(clip, work, **tables))
    return Faces().run(stage_context(clip, work, frames, progress, **tables))["faces"]


def test_it_keeps_the_stage_protocol() -> None:
    assert isinstance(Faces(), Stage)


def test_the_finder_sees_in_pixels_what_its_network_file_sees_in_floats() -> None:
    portrait = read_portrait()
    seen = facefinder._letterbox(portrait, 480 / max(portrait.shape[:2]), 480, 480)
    network = ov.Core().read_model(shipped.verified_file("centerface.onnx"))
    network.reshape([1, 3, 480, 480])
    plain = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    outputs = plain(np.ascontiguousarray(seen.transpose(2, 0, 1)[None], np.float32))
    names = (facefinder.HEATMAP, facefinder.SCALE, facefinder.OFFSET)
    assert outputs[facefinder.HEATMAP].max() > 0.5
    for name, found in zip(names, facefinder._run(seen, 1), strict=True):
        np.testing.assert_allclose(found, outputs[name][0], atol=1e-4)


def test_one_person_is_one_track_with_a_sample_a_frame(folder: Path) -> None:
    (track,) = tracks_in(folder / "one.mp4")
    assert [sample.index for sample in track.samples] == [0, 1, 2, 3, 4, 5]
    assert all(sample.crop.shape == (CROP, CROP, 3) for sample in track.samples)
    assert all(sample.crop.dtype == np.uint8 for sample in track.samples)


def test_the_box_lies_on_the_face(folder: Path) -> None:
    (track,) = tracks_in(folder / "one.mp4")
    x, y, width, height = track.samples[0].box
    assert width == height
    assert abs(x + width / 2 - (FACE[0] - 60)) < 12
    assert abs(y + height / 2 - FACE[1]) < 12
    assert 90 < width < 160


def test_two_people_are_two_tracks_each_on_its_own_side(folder: Path) -> None:
    tracks = tracks_in(folder / "two.mp4")
    assert [(track.track, len(track.samples)) for track in tracks] == [(0, 6), (1, 6)]
    sides = [{sample.box[0] > 320 for sample in track.samples} for track in tracks]
    assert sorted(sides, key=str) == [{False}, {True}]


def test_only_the_largest_people_are_kept(folder: Path) -> None:
    assert len(tracks_in(folder / "two.mp4", max_tracks=1)) == 1


def test_a_face_stored_on_its_side_is_found_upright(tmp_path: Path) -> None:
    clip = face_clip(tmp_path / "turned.mp4", turns=3, rotation=90)
    (track,) = tracks_in(clip)
    x, _, width, _ = track.samples[0].box
    assert abs(x + width / 2 - (FACE[0] - 60)) < 12


def test_a_video_of_nobody_is_refused_for_want_of_a_face(tmp_path: Path) -> None:
    with pytest.raises(NotAnalysable) as caught:
        tracks_in(blank_clip(tmp_path / "blank.mp4"))
    assert caught.value.reason is Reason.NO_FACE


def test_a_refusal_tells_when_faces_were_there_but_too_small(folder: Path) -> None:
    with pytest.raises(NotAnalysable, match=r"faces\.min_size"):
        tracks_in(folder / "one.mp4", min_size=300)


def test_several_threads_see_what_one_sees(folder: Path) -> None:
    (one,), (two,) = (tracks_in(folder / "one.mp4", threads=threads) for threads in (1, 2))
    for alone, together in zip(one.samples, two.samples, strict=True):
        assert (alone.index, alone.t, alone.box) == (together.index, together.t, together.box)
        assert np.array_equal(alone.crop, together.crop)


def test_whole_frames_are_one_track_without_looking_for_faces(tmp_path: Path) -> None:
    (track,) = tracks_in(blank_clip(tmp_path / "blank.mp4"), mode="frame")
    assert {sample.box for sample in track.samples} == {(0, 0, 320, 240)}
    assert {sample.crop.shape for sample in track.samples} == {(CROP, CROP, 3)}


def test_a_detector_of_whole_frames_gets_them_whatever_the_setting(folder: Path) -> None:
    frames = Frames().run(stage_context(folder / "two.mp4", folder, frames={"count": 3}))
    context = stage_context(folder / "two.mp4", folder, frames, crop="whole_frame")
    (track,) = Faces().run(context)["faces"]
    assert {sample.box for sample in track.samples} == {(0, 0, 640, 320)}


def test_progress_grows_to_one(folder: Path) -> None:
    progress: list[float] = []
    tracks_in(folder / "one.mp4", progress)
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def sample(size: int, index: int = 0) -> FaceSample:
    return FaceSample(index, 0.0, (0, 0, size, size), np.zeros((8, 8, 3), np.uint8))


def test_short_tracks_go_when_there_is_a_long_one() -> None:
    long = FaceTrack(0, tuple(sample(50, i) for i in range(4)), 4)
    short = FaceTrack(1, (sample(500),), 4)
    (kept,) = choose_tracks([short, long], FacesSettings(min_frames=4))
    assert len(kept.samples) == 4


def test_short_tracks_stay_when_all_are_short() -> None:
    tracks = [FaceTrack(0, (sample(50),), 1), FaceTrack(1, (sample(60),), 1)]
    kept = choose_tracks(tracks, FacesSettings(min_frames=4))
    assert [(track.track, track.samples[0].box[2]) for track in kept] == [(0, 60), (1, 50)]


def test_the_square_is_the_hulls_larger_side_times_the_records() -> None:
    points = np.array([[10, 20], [110, 60], [50, 220]], np.float32)
    assert face_square(points, 1.10) == (-50, 10, 220)


def test_a_crop_beyond_the_frame_is_mirrored_at_its_edge() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :10] = 200
    crop = crop_square(image, (-10, 0, 40), 40)
    assert crop[20, 5].tolist() == [200, 200, 200]
    assert crop[20, 15].tolist() == [200, 200, 200]
    assert crop[20, 30].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("square", "box"),
    [
        ((10, 10, 20), (10, 10, 20, 20)),
        ((-5, 10, 20), (0, 10, 15, 20)),
        ((90, 70, 20), (90, 70, 10, 10)),
        ((-50, -50, 300), (0, 0, 100, 80)),
    ],
)
def test_boxes_are_cut_at_the_frames_edges(
    square: tuple[int, int, int], box: tuple[int, int, int, int]
) -> None:
    assert cut_square(square, 100, 80) == box


def test_the_finder_sees_the_face_in_every_shape_of_frame(portrait: Image) -> None:
    wide = np.pad(portrait, ((0, 0), (400, 0), (0, 0)))
    tall = np.pad(portrait, ((400, 0), (0, 0), (0, 0)))
    for image, shift in ((portrait, (0, 0)), (wide, (400, 0)), (tall, (0, 400))):
        (face,) = FaceFinder(480, threads=1).find(image, 0.5)
        assert abs(face.x + face.width / 2 - FACE[0] - shift[0]) < 10
        assert abs(face.y + face.height / 2 - FACE[1] - shift[1]) < 10
        assert face.confidence > 0.7


def test_landmarks_put_the_left_eye_left_and_the_chin_below(portrait: Image) -> None:
    points = portrait_landmarks(portrait)
    left_eye, right_eye, chin = points[33], points[263], points[152]
    assert points.shape == (468, 2)
    assert left_eye[0] + 25 < right_eye[0]
    assert chin[1] > max(left_eye[1], right_eye[1]) + 40


def test_a_patch_without_a_face_has_no_presence(portrait: Image) -> None:
    assert LandmarkFinder(1).find(portrait, (20, 380, 100, 100)).presence < 0.5


def test_an_altered_network_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shipped.SHA256, "centerface.onnx", "0" * 64)
    with pytest.raises(DetectorError, match=r"centerface\.onnx was altered"):
        shipped.verified_file("centerface.onnx")


def test_the_tracker_joins_the_nearest_first() -> None:
    tracker = Tracker()
    assert tracker.place(0.0, [(0, 0, 50, 50), (40, 0, 50, 50)]) == [0, 1]
    assert tracker.place(0.1, [(35, 0, 50, 50), (5, 0, 50, 50)]) == [1, 0]


def test_the_tracker_waits_for_a_face_that_was_missed() -> None:
    tracker = Tracker()
    tracker.place(0.0, [(0, 0, 50, 50)])
    tracker.place(0.1, [])
    assert tracker.place(0.2, [(10, 0, 50, 50)]) == [0]


def test_a_face_across_the_picture_is_another_person() -> None:
    tracker = Tracker()
    tracker.place(0.0, [(0, 0, 50, 50)])
    assert tracker.place(0.1, [(400, 0, 50, 50)]) == [1]


def test_a_face_may_walk_farther_in_a_longer_gap() -> None:
    near, far = Tracker(), Tracker()
    near.place(0.0, [(0, 0, 50, 50)])
    far.place(0.0, [(0, 0, 50, 50)])
    assert near.place(0.1, [(100, 0, 50, 50)]) == [1]
    assert far.place(3.0, [(100, 0, 50, 50)]) == [0]


@needs_shared
@pytest.mark.slow
def test_every_shared_clip_shows_one_person_in_every_frame() -> None:
    clips = sorted((SHARED / "data" / "clips").glob("*/*"))
    reader = FaceReader(FacesSettings(), 1.10, threads=1)
    found = {
        clip.name: choose_tracks(
            follow_faces(FrameSample(clip, FramesSettings(count=3)), reader, CROP), FacesSettings()
        )
        for clip in clips
    }
    assert {name: [len(t.samples) for t in tracks] for name, tracks in found.items()} == {
        clip.name: [3] for clip in clips
    }
