"""The chain itself, in this process, under detectors whose record is changed by hand."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from ddaemon.stages.base import Context, Subject
from ddaemon.stages.chain import build_chain, run_chain
from ddaemon.stages.facts import Judgement
from ddaemon.stages.media.encode import write_video
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import BUILT_IN_CHAIN, FeaturesSettings, StageSettings
from ddaemon.stages.stability import ALTERATIONS, flipped
from ddaemon.storage.detector_record import BoundsRecord, EnvelopeRecord
from ddaemon.tests.people import film, person
from ddaemon.tests.unit.stages.networks.random_detector import THRESHOLDS, publish_random

SCHEMA = Path(__file__).parents[3] / "docs" / "verdict.schema.json"
VERDICT = Draft202012Validator(json.loads(SCHEMA.read_text()))
FRAMES = 5
ALWAYS_FAKE = {"fake": 0.0, "real": 0.0}
MEASURED = {
    "brightness": BoundsRecord(what="brightness", low=60, high=220, within=0.98, chosen="by hand"),
    "detail": BoundsRecord(what="fine detail", low=-1.75, high=None, within=0.98, chosen="by hand"),
    "face_px": BoundsRecord(what="width", low=90, high=None, within=0.98, chosen="by hand"),
}
ENVELOPE = EnvelopeRecord(
    measures=MEASURED, unmeasured={}, measured_on="a test", videos=200, within=0.95, rule="by hand"
)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = publish_random(tmp_path_factory.mktemp("registry") / "random")
    return load_detector(folder, FeaturesSettings(device="cpu"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clips") / "plain.mp4", 1, 0, forged=False)


@pytest.fixture
def judge(detector, tmp_path):
    """Judge a video by the random detector, its record changed; the facts, verdict included."""

    def judging(
        video: Path, thresholds: Mapping[str, float], envelope: Any = None, looks: tuple = ()
    ) -> dict[str, Any]:
        changed = THRESHOLDS.model_copy(update=dict(thresholds))
        record = detector.record.model_copy(update={"thresholds": changed, "envelope": envelope})
        settings = {"frames": {"count": FRAMES}, "stability": {"looks": looks}}
        now = "2026-01-01T00:00:00.000Z"
        context = Context(
            video=video,
            work=tmp_path,
            subject=Subject(video.name, "0" * 64, 1, now, now),
            settings=StageSettings.model_validate(settings),
            detector=replace(detector, record=record),
            facts={},
            progress=lambda _: None,
        )
        facts = run_chain(build_chain(BUILT_IN_CHAIN), context, lambda _name, _percent: None)
        VERDICT.validate(facts["verdict"])
        return facts

    return judging


def altered(path, change):
    """A clip of a person whose every frame is changed."""
    write_video(path, [change(np.roll(person(1), move, axis=1)) for move in range(8)])
    return path


def small(image):
    """The person far away: a face of about 45 pixels on grey."""
    shrunk = cv2.resize(image, (154, 154), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(shrunk, 51, 51, 51, 51, cv2.BORDER_CONSTANT, value=(128, 128, 128))


@pytest.mark.parametrize(
    ("change", "measure"),
    [
        (lambda image: (image * 0.35).astype(np.uint8), "brightness"),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 2.5), "detail"),
        (small, "face_px"),
    ],
    ids=["dark", "blurred", "tiny"],
)
def test_a_video_outside_of_what_was_measured_is_inconclusive_in_words(
    judge, tmp_path, change, measure
):
    verdict = judge(altered(tmp_path / "odd.mp4", change), ALWAYS_FAKE, ENVELOPE)["verdict"]
    assert verdict["decision"] == "inconclusive"
    assert 0 < verdict["probability"] < 1
    assert not verdict["envelope"]["inside"]
    outside = {one["measure"]: one for one in verdict["envelope"]["outside"]}
    assert outside[measure]["text"] in verdict["detail"]
    assert outside[measure]["value"] == pytest.approx(
        verdict["envelope"]["measures"][measure], 1e-3
    )


def test_the_plain_clip_is_inside_and_decided(judge, clip):
    verdict = judge(clip, ALWAYS_FAKE, ENVELOPE)["verdict"]
    assert verdict["envelope"]["outside"] == []
    assert (verdict["decision"], verdict["envelope"]["inside"]) == ("fake", True)


def test_without_looks_nothing_is_looked_at_again(judge, clip, monkeypatch):
    for name in ALTERATIONS:
        monkeypatch.setitem(ALTERATIONS, name, None)
    facts = judge(clip, ALWAYS_FAKE)
    assert facts["verdict"]["stability"] is None
    assert facts["verdict"]["envelope"] is None
    assert facts["verdict"]["decision"] == "fake"


def test_a_decision_that_turns_into_its_opposite_is_withdrawn(judge, clip):
    looked = judge(clip, ALWAYS_FAKE, looks=("brightened",))["verdict"]
    before, after = looked["probability"], looked["stability"]["looks"][0]["probability"]
    assert before != after
    middle = (before + after) / 2
    between = {"fake": middle, "real": np.nextafter(middle, 0)}
    verdict = judge(clip, between, looks=("brightened",))["verdict"]
    assert verdict["stability"]["flipped"]
    assert verdict["decision"] == "inconclusive"
    assert verdict["detail"] == verdict["stability"]["text"]
    assert "brightened" in verdict["detail"]
    assert verdict["probability"] == before
    assert judge(clip, between)["verdict"]["decision"] == ("fake" if before > after else "real")


def test_each_look_is_told_and_a_decision_that_stands_is_kept(judge, clip):
    facts = judge(clip, ALWAYS_FAKE, looks=("reencoded", "halved", "brightened"))
    stability = facts["verdict"]["stability"]
    assert [look["name"] for look in stability["looks"]] == ["reencoded", "halved", "brightened"]
    assert {look["decision"] for look in stability["looks"]} == {"fake"}
    assert len({look["probability"] for look in stability["looks"]}) == 3
    assert (stability["flipped"], facts["verdict"]["decision"]) == (False, "fake")
    assert facts["verdict"]["detail"] is None


def test_a_look_that_finds_no_face_is_told_without_a_number_and_withdraws_nothing(judge, tmp_path):
    """Halved, the face is narrower than faces.min_size."""
    video = altered(tmp_path / "tiny.mp4", small)
    verdict = judge(video, ALWAYS_FAKE, looks=("halved",))["verdict"]
    assert verdict["stability"]["looks"] == [
        {"name": "halved", "decision": "not_analysable", "probability": None}
    ]
    assert verdict["decision"] == "fake"


@pytest.mark.parametrize(
    ("decision", "probability", "turns"),
    [
        ("fake", 0.3, True),
        ("fake", 0.31, False),
        ("real", 0.7, True),
        ("real", 0.69, False),
        ("inconclusive", 0.9, False),
        ("fake", None, False),
    ],
)
def test_only_the_opposite_side_is_a_flip_and_less_sure_is_none(decision, probability, turns):
    first = Judgement(decision, None, 0.5, ())
    look = {"name": "halved", "decision": "inconclusive", "probability": probability}
    assert flipped(first, look, THRESHOLDS) is turns
