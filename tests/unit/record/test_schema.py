"""The types of the record, and the JSON schema that is generated from them."""

import json
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from ddaemon.record.json_schema import schema_text
from ddaemon.record.parsing import adapter_of
from ddaemon.record.schema import Decision, RefusalReason, Verdict
from ddaemon.storage.errors import Reason
from ddaemon.tests.records import fake_record, record_of, with_everything
from ddaemon.tests.unit.record.mutations import at, changed, places, without

SCHEMA = json.loads(schema_text())
VERDICT = Draft202012Validator(SCHEMA)
RECORD = with_everything(fake_record())
PLACES = list(places(RECORD))
ANYTHING = {"facts", "settings"}
OPEN = {"facts", "settings", "software", "measures", "tags", "files"}  # their items go by any name
NOT_ANALYSABLE = {"envelope": None, "stability": None}


def test_the_generated_schema_is_one_and_accepts_a_whole_record() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VERDICT.validate(RECORD)
    VERDICT.validate(with_everything(record_of("not_analysable", None)) | NOT_ANALYSABLE)


def test_a_whole_record_has_every_item_of_the_types_and_no_other() -> None:
    again = adapter_of(Verdict).validate_python(RECORD, strict=True)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(RECORD))
    assert again.keys() == Verdict.__required_keys__
    assert not Verdict.__optional_keys__


def test_the_schema_refuses_a_record_that_lacks_an_item() -> None:
    named = [place for place in PLACES if isinstance(place[-1], str) and not OPEN & {*place[:-1]}]
    assert [place for place in named if VERDICT.is_valid(without(RECORD, place))] == []
    assert len(named) > 100


def test_the_schema_refuses_a_record_that_has_an_item_more() -> None:
    closed = [
        place for place in PLACES if isinstance(at(RECORD, place), dict) and not OPEN & {*place}
    ]
    more = (changed(RECORD, place, {**at(RECORD, place), "more": "x"}) for place in closed)
    assert [record for record in (RECORD | {"more": "x"}, *more) if VERDICT.is_valid(record)] == []
    assert len(closed) > 10


def test_the_schema_refuses_an_item_of_another_type() -> None:
    typed = [place for place in PLACES if place[0] not in ANYTHING or len(place) == 1]
    for place in typed:
        other = [] if isinstance(at(RECORD, place), dict) else {}
        assert not VERDICT.is_valid(changed(RECORD, place, other)), place


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("format",), 1),
        (("input", "sha256"), "A" * 64),
        (("input", "bytes"), -1),
        (("input", "received_at"), "2026-01-01T00:00:00+00:00"),
        (("input", "container", "width"), 0),
        (("input", "container", "rotation"), 45),
        (("decision",), "genuine"),
        (("decision",), "not_analysable"),  # with a probability
        (("probability",), 1.01),
        (("probability",), None),
        (("reason",), "no_face"),
        (("examination", "streams", 0, "kind"), "smell"),
        (("examination", "streams", 0, "sample_rate"), 0),
        (("provenance", "state"), "perfect"),
        (("thresholds", "fake"), -0.1),
        (("thresholds", "false_positive_interval"), [0.1]),
        (("thresholds", "false_negative_interval"), [0.1, 1.1]),
        (("faces",), []),
        (("faces", 0, "frames"), []),
        (("faces", 0, "frames", 0, "box"), [1, 2, 3]),
        (("faces", 0, "frames", 0, "box"), [1.5, 2, 3, 4]),
        (("faces", 0, "frames", 0, "attention"), 1.5),
        (("stability", "looks"), []),
        (("stability", "looks", 0, "name"), "shrunk"),
        (("heatmaps", 0, "method"), "tea leaves"),
        (("heatmaps", 0, "faithfulness", "deletion"), 2),
        (("words", "scale"), "guilty"),
        (("stages", 0, "seconds"), -1),
        (("settings",), {}),
        (("software",), {"ddaemon": "1"}),
        (("attempts",), 0),
        (("custody", 0, "at"), "yesterday"),
        (("files", "report.html"), "short"),
    ],
    ids=str,
)
def test_the_schema_refuses_what_lies_out_of_range(place: Any, value: Any) -> None:
    assert not VERDICT.is_valid(changed(RECORD, place, value))


def test_the_reasons_are_those_that_a_stage_may_give() -> None:
    assert set(get_args(RefusalReason)) == {reason.value for reason in Reason}
    assert len(get_args(Decision)) == 4
