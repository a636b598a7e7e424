"""Measures of faces as the network sees them, and where a person stands among bounds."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from ddaemon.stages.envelope import (
    BRIGHTNESS,
    DETAIL,
    FACE_PX,
    MEASURES,
    PROFILE,
    SHARE,
    check_envelope,
    face_profile,
    fine_detail,
    measure_crops,
    measure_track,
)
from ddaemon.stages.faces import FaceReader, crop_square, follow_faces
from ddaemon.stages.facts import FaceSample, FaceTrack
from ddaemon.stages.media.encode import through_h264
from ddaemon.stages.media.video import Frame
from ddaemon.stages.settings import FacesSettings
from ddaemon.storage.detector_record import BoundsRecord, EnvelopeRecord
from ddaemon.tests.people import person

SIZE = 128


def bounds(low=None, high=None):
    return BoundsRecord(what="something", low=low, high=high, within=0.98, chosen="by a test")


def envelope(**measures):
    return EnvelopeRecord(
        measures=measures, unmeasured={}, measured_on="a test", videos=200, within=0.9, rule="none"
    )


@pytest.fixture(scope="module", params=[0, 1, 4])
def picture(request):
    """Somebody, under the noise that any camera adds."""
    image = person(request.param)
    noise = np.random.default_rng(request.param).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def detail_of(image):
    """Of the middle of a picture, which is a face, as the network sees it."""
    side = image.shape[0]
    return fine_detail(crop_square(image, (side // 6, side // 6, 2 * side // 3), SIZE))


def test_detail_falls_with_each_step_of_h264(picture):
    details = [detail_of(through_h264(picture, crf)) for crf in (23, 28, 34, 40)]
    assert all(sharper > softer for sharper, softer in pairwise([detail_of(picture), *details]))


def test_detail_falls_with_each_step_down_in_size(picture):
    """Below the network's input, that is: what is shrunk to it anyway loses nothing before."""
    shrunk = [
        cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for scale in (0.5, 0.35, 0.25)
    ]
    details = [detail_of(image) for image in (picture, *shrunk)]
    assert all(sharper - softer > 0.05 for sharper, softer in pairwise(details))


def test_detail_falls_with_blur_and_does_not_heed_light(picture):
    assert detail_of(cv2.GaussianBlur(picture, (0, 0), 2)) < detail_of(picture) - 0.3
    dim = (picture * 0.5).astype(np.uint8)
    assert detail_of(dim) == pytest.approx(detail_of(picture), abs=0.05)


def test_a_picture_of_one_colour_has_no_detail_to_speak_of():
    plain = np.full((SIZE, SIZE, 3), 90, np.uint8)
    assert measure_crops([plain, plain], []) == {BRIGHTNESS: 90.0}


def test_a_turned_head_has_a_higher_profile(picture):
    """Squeezing one half of a frontal face is what turning it does to its outline."""
    points = next(iter(faces_of(picture)))
    frontal = face_profile(points)
    turned = points.copy()
    right = turned[:, 0] > points[1, 0]
    turned[right, 0] = points[1, 0] + 0.3 * (points[right, 0] - points[1, 0])
    assert frontal < 0.25
    assert face_profile(turned) > frontal + 0.2
    assert face_profile(turned * np.array([-1, 1], np.float32)) == pytest.approx(
        face_profile(turned), abs=1e-4
    )


def faces_of(image):
    return (face.points for face in FaceReader(FacesSettings(), 1.1, 1).read(image))


def test_a_track_is_measured_by_its_middle_frame_and_by_how_many_show_the_face(picture):
    blank = np.full_like(picture, 128)
    small = cv2.copyMakeBorder(cv2.resize(picture, (160, 160)), 48, 48, 48, 48, cv2.BORDER_REFLECT)
    shown = [picture, blank, picture, picture, blank, small]
    frames = [Frame(i, i / 2, image) for i, image in enumerate(shown)]
    (track,) = follow_faces(frames, FaceReader(FacesSettings(), 1.1, 1), SIZE)
    measured = measure_track(track)
    assert set(measured) == set(MEASURES)
    assert measured[SHARE] == pytest.approx(4 / 6)
    assert measured[FACE_PX] == track.samples[0].box[2]
    assert measured[PROFILE] == pytest.approx(track.samples[0].profile)
    assert measured[BRIGHTNESS] == pytest.approx(
        np.mean([sample.crop.mean() for sample in track.samples])
    )
    assert track.samples[-1].box[2] < measured[FACE_PX]
    assert DETAIL in measured


def test_whole_frames_have_no_profile(picture):
    samples = tuple(FaceSample(i, float(i), (0, 0, 9, 9), picture) for i in range(3))
    assert PROFILE not in measure_track(FaceTrack(0, samples, 3))


def test_inside_and_on_its_bounds_a_person_is_inside():
    limits = envelope(face_px=bounds(low=80), detail=bounds(-2, -1), profile=bounds(high=0.4))
    measures = {"face_px": 80.0, "detail": -1.0, "profile": 0.4, "brightness": 3.0}
    assert check_envelope(measures, limits).outside == ()
    assert check_envelope(measures, limits).measures == measures


@pytest.mark.parametrize(
    ("measure", "value", "told"),
    [
        ("face_px", 41.0, "something: 41, measured on 80 and more"),
        ("detail", -2.5, "something: -2.5, measured on -2 to -1"),
        ("detail", -0.5, "something: -0.5, measured on -2 to -1"),
        ("profile", 0.7, "something: 0.7, measured on up to 0.4"),
    ],
)
def test_outside_is_said_in_words_with_both_numbers(measure, value, told):
    limits = envelope(face_px=bounds(low=80), detail=bounds(-2, -1), profile=bounds(high=0.4))
    inside = {"face_px": 200.0, "detail": -1.5, "profile": 0.1}
    (outlier,) = check_envelope(inside | {measure: value}, limits).outside
    assert (outlier.measure, outlier.value, outlier.text) == (measure, value, told)


def test_what_could_not_be_measured_is_not_outside():
    assert check_envelope({}, envelope(profile=bounds(high=0.4))).outside == ()


def test_without_bounds_nobody_stands_anywhere():
    assert check_envelope({"detail": -1.0}, None) is None
    assert check_envelope({"detail": -1.0}, envelope()) is None
