"""What the stage gives to the record: plain values, safe to print, for any file that opens."""

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ddaemon.stages.base import Stage
from ddaemon.stages.examination.examined import provenance_of
from ddaemon.stages.examine import Examine
from ddaemon.stages.frames import Frames
from ddaemon.stages.media import inspection
from ddaemon.stages.media.inspection import MAX_TAGS, inspect_file
from ddaemon.storage.errors import ConfigError, NotAnalysable
from ddaemon.tests.clips import numbered_clip
from ddaemon.tests.credentials import Authority, sign
from ddaemon.tests.recordings import recording
from ddaemon.tests.stage_context import stage_context

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "verdict.schema.json").read_text())
HOSTILE = {
    "title": "one\ntwo\x1b[2J\u202e<script>alert(1)</script>\x00\x07",
    "comment": "x" * 1_000_000,
    "artist\x1b[31m\n": "Eve",
}


def part_of_schema(name: str) -> Draft202012Validator:
    return Draft202012Validator({**SCHEMA["properties"][name], "$defs": SCHEMA["$defs"]})


def examine(video: Path, **tables: Any) -> dict[str, Any]:
    given = dict(Examine().run(stage_context(video, video.parent, **tables)))
    for name, value in given.items():
        part_of_schema(name).validate(value)
    return json.loads(json.dumps(given, allow_nan=False))


def test_it_keeps_the_stage_protocol() -> None:
    assert isinstance(Examine(), Stage)


def test_every_stream_is_described_and_what_is_not_said_stays_open(tmp_path: Path) -> None:
    tags = {"handler_name": "Room 1", "language": "deu"}
    clip = recording(tmp_path / "a.mp4", codec="libx264", stream_tags=tags)
    found = examine(clip)["examination"]
    video, audio = found["streams"]
    assert {"index": 0, "kind": "video", "codec": "h264", "width": 128, "height": 96, "fps": 25.0,
            "pixel_format": "yuv420p", "duration_s": 1.0, "language": "deu",
            "sample_rate": None, "channels": None}.items() <= video.items()  # fmt: skip
    assert video["bit_rate"] > 0
    assert video["profile"] == "High"
    assert {"index": 1, "kind": "audio", "codec": "aac", "sample_rate": 44100, "channels": 1,
            "width": None, "fps": None}.items() <= audio.items()  # fmt: skip
    assert found["tags"]["stream 0: handler_name"] == "Room 1"
    assert found["container"]["duration_s"] == pytest.approx(1.0, abs=0.05)


def test_a_stream_without_a_decoder_is_listed_all_the_same(tmp_path: Path) -> None:
    data = numbered_clip(tmp_path / "a.mp4", 5).read_bytes().replace(b"avc1", b"zzz1")
    (tmp_path / "b.mp4").write_bytes(data)
    (stream,) = examine(tmp_path / "b.mp4")["examination"]["streams"]
    assert (stream["kind"], stream["codec"]) == ("video", None)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov"])
def test_hostile_tags_are_shown_and_never_obeyed(tmp_path: Path, name: str) -> None:
    found = examine(recording(tmp_path / name, tags=HOSTILE, codec="libx264"))["examination"]
    text = json.dumps(found, ensure_ascii=False)
    assert all(c.isprintable() for c in text)
    assert found["tags"]["title"].startswith("one\\ntwo\\x1b[2J\\u202e<script>")
    assert len(text) < 20_000


def test_a_tag_of_a_million_letters_is_cut_and_says_so(tmp_path: Path) -> None:
    tags = examine(recording(tmp_path / "a.mp4", tags=HOSTILE))["examination"]["tags"]
    assert tags["comment"] == "x" * 300 + "... (1000000 characters)"


def test_of_thousands_of_tags_the_telling_ones_are_kept(tmp_path: Path) -> None:
    tags = {f"t{number}": "y" * 1000 for number in range(3000)} | {"location": "+52.5+013.4/"}
    clip = recording(tmp_path / "a.mkv", tags=tags, codec="libx264")
    kept = examine(clip)["examination"]["tags"]
    assert len(kept) == MAX_TAGS
    assert kept["location"] == "+52.5+013.4/"
    assert kept["encoder"].startswith("Lavf")


def test_two_tags_that_look_alike_once_they_are_cut_stay_two(tmp_path: Path) -> None:
    tags = {"x" * 100 + "1": "a", "x" * 100 + "2": "b"}
    kept = examine(recording(tmp_path / "a.mkv", tags=tags, codec="libx264"))["examination"]["tags"]
    assert {"a", "b"} <= set(kept.values())


@pytest.mark.parametrize(
    "content", [b"", b"not a video\n" * 99, b"\x00\x00\x00\x18ftypmp42" + b"x" * 99]
)
def test_what_does_not_open_is_refused_as_the_frames_refuse_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    refusals = []
    for stage in (Examine(), Frames()):
        with pytest.raises(NotAnalysable) as caught:
            stage.run(stage_context(path, tmp_path))
        refusals.append(caught.value.args)
    assert refusals[0] == refusals[1]


def test_sound_alone_is_examined_before_the_frames_refuse_it(tmp_path: Path) -> None:
    clip = recording(tmp_path / "a.mp4", times=[])
    kinds = [stream["kind"] for stream in examine(clip)["examination"]["streams"]]
    assert "audio" in kinds


def test_damaged_files_are_examined_or_refused_and_nothing_else(tmp_path: Path) -> None:
    draw = random.Random(1)
    whole = recording(tmp_path / "whole.mp4", tags={"title": "x"}, codec="libx264").read_bytes()
    begin, path, opened = whole.index(b"moov"), tmp_path / "a.mp4", 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(4):
            data[draw.randrange(begin, len(data))] = draw.randrange(256)
        path.write_bytes(data[: draw.choice([len(data), len(data) - draw.randrange(200)])])
        try:
            examine(path)
        except NotAnalysable:
            continue
        opened += 1
    assert 20 < opened < 150


def test_only_the_beginning_of_a_long_video_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"bf": "3", "x264-params": "b-adapt=0"}
    clip = numbered_clip(tmp_path / "a.mp4", 100, options=options)
    assert len(inspect_file(clip).times.shown) == 100
    for limit in range(18, 24):  # wherever it falls among pictures that come out of order
        monkeypatch.setattr(inspection, "MAX_PACKETS", limit)
        few = inspect_file(clip).times.shown
        assert 10 <= len(few) <= limit
        steps = {round(after - before, 3) for before, after in pairwise(few)}
        assert steps == {0.04}, "pictures that are still to come are no gap"
    monkeypatch.setattr(inspection, "MAX_PACKET_BYTES", 1)
    assert len(inspect_file(clip).times.shown) <= 1


def test_the_anchors_of_the_settings_decide_whom_to_trust(tmp_path: Path) -> None:
    authority, pem = Authority(), tmp_path / "anchors.pem"
    pem.write_text(authority.anchor)
    clip = numbered_clip(tmp_path / "a.mp4", 5)
    signed = sign(clip, tmp_path / "signed.mp4", authority.signer("Desk"))
    assert examine(signed)["provenance"]["state"] == "untrusted"
    assert examine(signed, examine={"trust": str(pem)})["provenance"]["state"] == "valid"


def test_anchors_that_are_none_stop_the_job_and_blame_no_video(tmp_path: Path) -> None:
    clip = numbered_clip(tmp_path / "a.mp4", 5)
    with pytest.raises(ConfigError, match=r"examine\.trust"):
        examine(clip, examine={"trust": str(tmp_path / "none.pem")})


def test_where_nothing_was_examined_the_record_says_why() -> None:
    class Ran:
        name = "examine"

    unopened = provenance_of({"timings": [Ran()]})
    skipped = provenance_of({"timings": []})
    for provenance in (unopened, skipped):
        part_of_schema("provenance").validate(provenance)
    assert "could not be opened" in unopened["detail"]
    assert "not in `stages`" in skipped["detail"]


@pytest.mark.parametrize("reader", ["inspect_file", "header_clocks", "read_provenance"])
def test_a_reader_that_trips_costs_its_evidence_and_not_the_job(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_given: object) -> None:
        raise OverflowError("a number that the file made up")

    monkeypatch.setattr(f"ddaemon.stages.examine.{reader}", trip)
    given = examine(recording(tmp_path / "a.mp4", codec="libx264"))
    assert (given["examination"] is None) == (reader == "inspect_file")
    assert ("could not be read" in given["provenance"]["detail"]) == (reader != "header_clocks")
    if reader == "header_clocks":
        assert [trace["kind"] for trace in given["examination"]["traces"]] == ["unreadable"]
