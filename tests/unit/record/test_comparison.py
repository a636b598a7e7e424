"""A video judged again, against its record."""

import copy
import json
from typing import Any

import pytest

from ddaemon.record.comparison import compare, other_versions
from ddaemon.record.parsing import RecordDamaged, parse_record
from ddaemon.record.schema import VerifiableRecord

RECORD: dict[str, Any] = {
    "format": 2,
    "job": "abcd1234",
    "input": {"name": "a.mp4", "sha256": "a" * 64},
    "decision": "fake",
    "reason": None,
    "probability": 0.9,
    "thresholds": {"fake": 0.8, "real": 0.2},
    "faces": [
        {"track": 0, "probability": 0.9,
         "frames": [{"t": 0.0, "box": [1, 2, 3, 4], "score": 0.7},
                    {"t": 0.5, "box": [1, 2, 3, 4], "score": 0.8}]},
    ],
    "detector": {"name": "d", "version": "1", "sha256": "d" * 64},
    "software": {"ddaemon": "0.1.0", "numpy": "2.2"},
    "settings": {},
    "custody": [],
    "files": {},
}  # fmt: skip


def parsed(record: dict[str, Any]) -> VerifiableRecord:
    return parse_record(json.dumps(record).encode())


def changed(*path: Any, to: Any) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    part: Any = record
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = to
    return record


def faults(record: dict[str, Any]) -> dict[str, str]:
    found = compare(parsed(record), parsed(RECORD))
    return {difference.what: difference.fault for difference in found if difference.fault}


def test_the_same_is_the_same() -> None:
    assert faults(RECORD) == {}


@pytest.mark.parametrize(
    ("path", "to", "what"),
    [
        (("decision",), "real", "decision"),
        (("reason",), "no_face", "decision"),
        (("probability",), 0.894, "probability"),
        (("probability",), None, "probability"),
        (("thresholds", "fake"), 0.95, "thresholds"),
        (("faces",), [], "faces"),
        (("faces", 0, "track"), 1, "faces"),
        (("faces", 0, "probability"), 0.8, "faces"),
        (("faces", 0, "frames", 1, "score"), 0.3, "faces"),
        (("faces", 0, "frames", 1, "box"), [1, 2, 3, 5], "faces"),
        (("faces", 0, "frames", 1, "t"), 0.6, "faces"),
    ],
)
def test_whatever_was_changed_comes_out_otherwise(
    path: tuple[Any, ...], to: Any, what: str
) -> None:
    assert list(faults(changed(*path, to=to))) == [what]


def test_a_difference_within_the_tolerance_is_none() -> None:
    assert faults(changed("probability", to=0.904)) == {}
    assert faults(changed("faces", 0, "frames", 1, "score", to=0.804)) == {}


def test_other_versions_are_named() -> None:
    then = parsed(changed("software", to={"ddaemon": "0.1.0", "numpy": "2.1", "av": "18"}))
    assert other_versions(then, parsed(RECORD)) == [
        "av 18 then, none now",
        "numpy 2.1 then, 2.2 now",
    ]


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("files",), {"a.png": "short"}, "files.a.png"),
        (("probability",), "0.9", "probability"),
        (("faces", 0, "frames"), None, "faces.0.frames"),
        (("format",), 3, "format"),
    ],
)
def test_a_record_that_is_none_says_where(path: tuple[Any, ...], to: Any, said: str) -> None:
    with pytest.raises(RecordDamaged, match=said):
        parsed(changed(*path, to=to))
    with pytest.raises(RecordDamaged):
        parse_record(b"\xff{")
