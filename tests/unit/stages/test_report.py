"""The closing stage leaves a record and, before it, what people look at."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ddaemon.record.words import STRONG_SIGNS
from ddaemon.stages.chain import Timing
from ddaemon.stages.facts import FaceSample, FaceTrack, Judgement, TrackJudgement
from ddaemon.stages.frames import FrameSample
from ddaemon.stages.report import Report
from ddaemon.stages.settings import FramesSettings
from ddaemon.stages.verdict import BLIND, LIMITS, compose
from ddaemon.storage.errors import NotAnalysable, Reason
from ddaemon.storage.registry import Registry
from ddaemon.tests.clips import numbered_clip
from ddaemon.tests.stage_context import stage_context

COUNT = 4
CROP = np.zeros((8, 8, 3), np.uint8)


@pytest.fixture
def context(tmp_path):
    """Of a video of somebody who was judged fake, before the closing stage."""
    video = numbered_clip(tmp_path / "clip.mp4", 50)
    frames = FrameSample(video, FramesSettings())
    samples = tuple(FaceSample(i, 0.5 * i, (8, 8, 32, 32), CROP) for i in range(COUNT))
    row = np.full(COUNT, 0.25, np.float32)
    judged = TrackJudgement(0, 0.97, row, row, np.zeros((COUNT, 2), np.float32))
    facts = {
        "timings": [],
        "published": {},
        "frames": frames,
        "container": {"width": 128, "height": 96, "fps": 25.0, "duration_s": 2.0},
        "faces": [FaceTrack(0, samples, COUNT)],
        "judgement": Judgement("fake", None, 0.97, (judged,)),
        "heatmaps": [],
    }
    (tmp_path / "work").mkdir()
    return with_detector(stage_context(video, tmp_path / "work", facts))


def with_detector(context):
    bundled = Registry.of_bundled().get("lite0-sequence")
    return replace(context, detector=SimpleNamespace(record=bundled.record, sha256=bundled.sha256))


def setting(context, **report):
    chosen = context.settings.report.model_copy(update=report)
    return replace(context, settings=context.settings.model_copy(update={"report": chosen}))


def left_by(context):
    record = Report().run(context)["verdict"]
    assert json.loads((context.work / "verdict.json").read_bytes()) == record
    return {path.name for path in context.work.iterdir()} - {"verdict.json"}, record


def test_a_page_and_a_timeline_are_made_unless_they_are_not_wanted(context) -> None:
    names, record = left_by(context)
    assert names == {"report.html", "timeline.png"}
    assert record["words"]["scale"] == STRONG_SIGNS
    assert cv2.imread(str(context.work / "timeline.png")) is not None


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"html": False}, {"timeline.png"}),
        ({"timeline": False}, {"report.html"}),
        ({"html": False, "timeline": False}, set()),
        ({"overlay": True}, {"report.html", "timeline.png", "overlay.mp4"}),
    ],
)
def test_each_of_the_three_is_a_setting(context, report, expected) -> None:
    names, _ = left_by(setting(context, **report))
    assert names == expected


def test_what_could_not_be_examined_gets_a_page_and_no_pictures(context) -> None:
    refusal = NotAnalysable(Reason.UNDECODABLE, "Not one frame decodes.")
    refused = replace(context, facts={"timings": [], "published": {}, "not_analysable": refusal})
    names, record = left_by(setting(refused, overlay=True))
    assert names == {"report.html"}
    assert record["probability"] is None
    page = (context.work / "report.html").read_text(encoding="utf-8")
    assert "Not one frame decodes." in page
    assert "Could not be examined" in page


def test_the_pictures_count_in_the_time_of_the_judgement(context) -> None:
    _, record = left_by(context)
    assert record["stages"][-1]["seconds"] > 0
    assert record["finished_at"] > record["started_at"]


def test_the_record_comes_last_so_where_it_is_all_is_there(context) -> None:
    (context.work / "heatmap.png").write_bytes(b"no picture")
    context.facts["heatmaps"].append({"file": "heatmap.png", "t": 0.0, "track": 0})
    with pytest.raises(OSError, match="not a picture"):
        Report().run(context)
    assert not (context.work / "verdict.json").exists()


def test_the_limits_name_what_the_detector_can_not_see(context) -> None:
    record = context.detector.record
    for blind_to, told in (((), LIMITS), (("puppets", "sound"), f"{LIMITS} {BLIND}")):
        seen = record.model_copy(update={"blind_to": blind_to})
        judging = replace(context, detector=SimpleNamespace(record=seen, sha256="0"))
        limits = compose(judging, Timing("report", "2", 0.0))["limits"]
        assert limits == told.format(kinds="puppets; sound")


def test_composing_the_record_writes_nothing(context) -> None:
    compose(context, Timing("report", "2", 0.0))
    assert list(context.work.iterdir()) == []
