"""What a person reads of an envelope and of second looks."""

import pytest

from ddaemon.cli.detectors import _envelope
from ddaemon.cli.show import verdict
from ddaemon.storage.detector_record import BoundsRecord, EnvelopeRecord
from ddaemon.tests.records import THRESHOLDS

RECORD = {
    "input": {"name": "a.mp4"},
    "decision": "inconclusive",
    "detail": "because of something",
    "probability": 0.9,
    "thresholds": THRESHOLDS,
    "faces": [],
    "detector": {"name": "made", "version": "1"},
    "limits": "none",
    "words": {"scale": "inconclusive"},
    "provenance": {"state": "absent", "detail": "No manifest."},
    "examination": None,
    "envelope": None,
    "stability": None,
}
OUTSIDE = {"inside": False, "measures": {}, "outside": [{"text": "width: 41, measured on 80"}]}
LOOKED = {"looks": [], "flipped": True, "text": "it does not stand a second look"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"envelope": OUTSIDE}, "outside      width: 41, measured on 80"),
        ({"stability": LOOKED}, "looked again it does not stand a second look"),
    ],
)
def test_a_verdict_says_what_lies_outside_and_what_second_looks_gave(more, told):
    assert told in verdict(RECORD | more)
    assert told not in verdict(RECORD | {"envelope": {"inside": True, "outside": []}})


def test_bounds_are_read_in_plain_numbers():
    width = {"what": "width", "within": 0.98, "chosen": "so"}
    assert BoundsRecord(low=80.4, high=None, **width).range_text == "80.4 and more"
    assert BoundsRecord(low=None, high=1280.0, **width).range_text == "up to 1280"
    assert BoundsRecord(low=-2.345, high=0.0, **width).range_text == "-2.35 to 0"


def test_the_registry_shows_the_envelope_and_what_has_no_bounds():
    bounds = BoundsRecord(what="width", low=80, high=None, within=0.98, chosen="so")
    shown = "\n".join(
        _envelope(
            EnvelopeRecord(
                measures={"face_px": bounds},
                unmeasured={"share": "share of frames: nobody says it"},
                measured_on="a test",
                videos=200,
                within=0.975,
                rule="so",
            )
        )
    )
    assert "97.5 % of 200 videos are inside" in shown
    assert "width: 80 and more" in shown
    assert "no bounds: share of frames: nobody says it" in shown
    assert "none was measured" in "\n".join(_envelope(None))
