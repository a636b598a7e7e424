"""A record that anybody may have written is read, or refused in words."""

import json
from contextlib import suppress
from typing import Any

import pytest

from ddaemon.record.comparison import compare, other_versions
from ddaemon.record.parsing import (
    RecordDamaged,
    check_publishable,
    is_format_1,
    parse_custody,
    parse_outcome,
    parse_record,
)
from ddaemon.record.schema import OutcomeRecord, VerifiableRecord
from ddaemon.record.witnesses import witness_of
from ddaemon.storage.errors import UserError
from ddaemon.tests.records import fake_record, with_everything
from ddaemon.tests.unit.record.mutations import SPOILT, changed, places, without

WHOLE = with_everything(fake_record())
RELIED_ON = (
    "format", "job", "input.name", "input.sha256", "decision", "reason", "probability",
    "detector.name", "detector.version", "detector.sha256", "custody", "custody.0.at",
    "custody.0.what", "custody.0.detail", "thresholds", "faces", "faces.0.track",
    "faces.0.probability", "faces.0.frames", "faces.0.frames.0.t", "faces.0.frames.0.box",
    "faces.0.frames.0.score", "software", "settings", "files", "input", "detector",
)  # fmt: skip
PLACES = {".".join(map(str, place)): place for place in places(WHOLE)}


def raw(record: Any) -> bytes:
    return json.dumps(record).encode()


def test_what_is_not_relied_on_is_dropped() -> None:
    parsed = parse_record(raw(WHOLE))
    assert parsed.keys() == VerifiableRecord.__required_keys__
    assert parsed["input"] == {"name": "plain", "sha256": WHOLE["input"]["sha256"]}
    assert parsed["faces"][0]["frames"][0].keys() == {"t", "box", "score"}
    assert parse_outcome(raw(WHOLE)).keys() == OutcomeRecord.__required_keys__


@pytest.mark.parametrize("name", RELIED_ON)
def test_a_record_that_lacks_what_is_relied_on_is_refused_and_the_place_named(name: str) -> None:
    with pytest.raises(RecordDamaged, match=f"^{name}: Field required"):
        parse_record(raw(without(WHOLE, PLACES[name])))


def test_what_nobody_relies_on_may_be_missing_or_anything() -> None:
    for name, place in PLACES.items():
        if place[0] in ("custody", "software", "files") or name in RELIED_ON or place[-1] == 0:
            continue
        for record in (without(WHOLE, place), changed(WHOLE, place, "other")):
            assert parse_record(raw(record))["decision"] == "fake"


def test_a_record_that_is_spoilt_somewhere_is_refused_in_words_or_can_be_compared() -> None:
    whole = parse_record(raw(WHOLE))
    for place in PLACES.values():
        for value in SPOILT:
            try:
                found = parse_record(raw(changed(WHOLE, place, value)))
            except RecordDamaged as error:
                assert str(error)
                continue
            list(compare(found, whole))
            other_versions(found, whole)
            with suppress(UserError):
                witness_of(found["custody"], "here")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"{", b"[]", b"null", b"\xff{", b"[" * 100_000, b'{"a":' * 100_000,
        raw(WHOLE)[:-1], raw(WHOLE) + b"}", raw(WHOLE).replace(b'"plain"', b'"\\ud800"'),
        raw(WHOLE).replace(b'"format": 2', b'"format": 1'),
        raw(WHOLE).replace(b'"format": 2', b'"format": "2"'),
        raw(WHOLE).replace(b'"format": 2', b'"format": true'),
    ],
    ids=range(13),
)  # fmt: skip
def test_no_text_ends_in_another_error(text: bytes) -> None:
    for parse in (parse_record, parse_outcome):
        with pytest.raises(RecordDamaged):
            parse(text)


def test_numbers_may_be_whole_or_none_at_all() -> None:
    for value in (1, 0.5, float("nan"), float("inf")):
        assert (
            parse_outcome(raw(changed(WHOLE, ("probability",), value)))["probability"] is not None
        )


def test_a_record_of_format_1_is_known_by_its_beginning() -> None:
    assert is_format_1(b'{\n  "format": 1,\n  "job": null')
    assert not is_format_1(b'{\n  "format": 2,\n  "job": "\\"format\\": 1,"')


def test_custody_and_what_is_published_are_read_of_either_format() -> None:
    assert parse_custody(b'{"format": 1}') == ()
    assert list(parse_custody(raw({"custody": WHOLE["custody"]}))) == WHOLE["custody"]
    assert check_publishable({"format": 1, "detector": None}) == {"detector": None}
    for damaged in ([], None, {"custody": [{}]}, {"custody": "x"}, {"detector": {"name": "d"}}):
        with pytest.raises(RecordDamaged):
            check_publishable(damaged)
