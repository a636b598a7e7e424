from types import SimpleNamespace

import numpy as np
import pytest

from ddaemon.stages.base import Stage
from ddaemon.stages.classify import Classify, decide
from ddaemon.stages.facts import FaceSample, FaceTrack, TrackFeatures
from ddaemon.stages.networks.head import HeadOutput
from ddaemon.stages.settings import StageSettings
from ddaemon.storage.detector_record import BoundsRecord, EnvelopeRecord
from ddaemon.storage.errors import NotAnalysable, Reason
from ddaemon.tests.unit.stages.networks.random_detector import THRESHOLDS

WIDTH = 3


class Meaning:
    """A detector whose logit, and probability, is the mean of all numbers."""

    def __init__(self, crop="landmark_hull", envelope=None):
        preprocessing = SimpleNamespace(crop=SimpleNamespace(kind=crop))
        self.record = SimpleNamespace(
            thresholds=THRESHOLDS, preprocessing=preprocessing, envelope=envelope
        )

    def judge(self, vectors):
        steps = len(vectors)
        even = np.full(steps, 1 / steps, np.float32)
        return HeadOutput(float(vectors.mean()), vectors[:, 0], even, np.ones_like(vectors))

    def probability(self, logit):
        return logit

    def frame_scores(self, logits):
        return logits / 2


def features(number, length, value):
    vectors = np.full((length, WIDTH), value, np.float32)
    return TrackFeatures(number, vectors, np.zeros((length, 1, 1, WIDTH), np.float16))


def seen(track, side=100, frames=None):
    """The person of some features, `side` pixels wide in the video, on noise."""
    random = np.random.default_rng(track.track)
    samples = tuple(
        FaceSample(i, float(i), (0, 0, side, side), random.integers(0, 256, (16, 16, 3), np.uint8))
        for i in range(len(track.vectors))
    )
    return FaceTrack(track.track, samples, frames or len(samples))


def run(tracks, min_frames=4, mode="faces", crop="landmark_hull", envelope=None, faces=None):
    settings = StageSettings.model_validate({"faces": {"min_frames": min_frames, "mode": mode}})
    context = SimpleNamespace(
        settings=settings,
        detector=Meaning(crop, envelope),
        facts={"features": tracks, "faces": faces or [seen(track) for track in tracks]},
        progress=lambda _: None,
    )
    return Classify().run(context)["judgement"]


def test_it_is_a_stage():
    assert isinstance(Classify(), Stage)


def test_the_video_is_as_fake_as_its_most_suspicious_person():
    judgement = run([features(0, 9, 0.1), features(1, 9, 0.9)])
    assert (judgement.decision, judgement.reason) == ("fake", None)
    assert judgement.probability == pytest.approx(0.9)
    assert [track.probability for track in judgement.tracks] == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize(
    ("probability", "decision"),
    [
        (0.0, "real"),
        (0.3, "real"),
        (0.3001, "inconclusive"),
        (0.6999, "inconclusive"),
        (0.7, "fake"),
        (1.0, "fake"),
    ],
)
def test_thresholds_are_reached_by_their_own_value(probability, decision):
    assert decide(probability, THRESHOLDS) == decision


def test_an_inconclusive_judgement_says_between_what_it_lies():
    judgement = run([features(0, 9, 0.5)])
    assert judgement.decision == "inconclusive"
    assert all(number in judgement.reason for number in ("0.50", "0.30", "0.70"))


def test_a_person_seen_too_seldom_is_not_judged():
    judgement = run([features(0, 4, 0.1), features(1, 3, 0.9)])
    assert [track.track for track in judgement.tracks] == [0]
    assert judgement.decision == "real"


@pytest.mark.parametrize(("length", "seen"), [(1, "1 frame "), (2, "2 frames"), (3, "3 frames")])
@pytest.mark.parametrize("mode", ["faces", "frame"])
def test_a_video_with_too_few_frames_is_not_judged_and_says_how_many_it_needs(length, seen, mode):
    with pytest.raises(NotAnalysable) as refusal:
        run([features(0, length, 0.9)], mode=mode)
    assert refusal.value.reason is Reason.TOO_SHORT
    assert seen in refusal.value.detail
    assert "needs 4 (faces.min_frames)" in refusal.value.detail
    assert ("face was" in refusal.value.detail) is (mode == "faces")


def test_one_frame_is_enough_where_the_settings_say_so():
    assert run([features(0, 1, 0.9)], min_frames=1).decision == "fake"


def test_each_frame_has_a_score_an_attention_and_a_gradient():
    track = run([features(0, 6, 0.9)]).tracks[0]
    np.testing.assert_allclose(track.scores, 0.45)
    assert track.attention.shape == (6,)
    assert track.gradient.shape == (6, WIDTH)


def test_whole_frames_are_never_decided_by_thresholds_that_were_measured_on_faces():
    judgement = run([features(0, 9, 0.99)], mode="frame")
    assert judgement.decision == "inconclusive"
    assert judgement.probability == pytest.approx(0.99)
    assert "measured on faces" in judgement.reason


def test_a_detector_of_whole_frames_decides_about_whole_frames():
    assert run([features(0, 9, 0.9)], mode="frame", crop="whole_frame").decision == "fake"
    assert run([features(0, 9, 0.9)], crop="whole_frame").decision == "fake"


def wide_enough(low):
    """An envelope that asks for faces of at least `low` pixels."""
    wide = BoundsRecord(what="width of the face", low=low, high=None, within=0.99, chosen="so")
    return EnvelopeRecord(
        measures={"face_px": wide},
        unmeasured={},
        measured_on="a test",
        videos=100,
        within=0.99,
        rule="",
    )


def test_a_face_outside_of_what_was_measured_is_inconclusive_in_words_and_keeps_its_probability():
    judgement = run([features(0, 9, 0.9)], envelope=wide_enough(101))
    assert judgement.decision == "inconclusive"
    assert judgement.probability == pytest.approx(0.9)
    assert "width of the face: 100, measured on 101 and more" in judgement.reason
    assert [outlier.measure for outlier in judgement.envelope_check.outside] == ["face_px"]


def test_a_face_inside_is_decided_and_its_measures_are_kept():
    judgement = run([features(0, 9, 0.9)], envelope=wide_enough(100))
    assert (judgement.decision, judgement.reason) == ("fake", None)
    assert judgement.envelope_check.outside == ()
    assert judgement.envelope_check.measures["face_px"] == 100


@pytest.mark.parametrize(("widths", "decision"), [((30, 100), "fake"), ((100, 30), "inconclusive")])
def test_it_is_the_most_suspicious_person_who_must_be_inside(widths, decision):
    tracks = [features(0, 9, 0.1), features(1, 9, 0.9)]
    faces = [seen(track, side) for track, side in zip(tracks, widths, strict=True)]
    assert run(tracks, faces=faces, envelope=wide_enough(50)).decision == decision


def test_a_detector_without_an_envelope_says_nothing_of_where_a_face_stands():
    assert run([features(0, 9, 0.9)]).envelope_check is None
