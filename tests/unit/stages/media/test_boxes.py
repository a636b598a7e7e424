"""The clocks in an MP4's headers, and headers that lie about where they end."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ddaemon.stages.media.boxes import MAX_BOXES, HeaderClock, header_clocks

MOMENT = datetime(2020, 6, 1, tzinfo=UTC)
SECONDS = int((MOMENT - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())


def box(kind: bytes, content: bytes, large: bool = False) -> bytes:
    if large:
        return b"\x00\x00\x00\x01" + kind + struct.pack(">Q", 16 + len(content)) + content
    return struct.pack(">I", 8 + len(content)) + kind + content


def clock(kind: bytes, created: int, modified: int, version: int = 0) -> bytes:
    layout = ">B3xQQ" if version else ">B3xII"
    return box(kind, struct.pack(layout, version, created, modified) + bytes(80))


def read(path: Path, *boxes: bytes) -> tuple[HeaderClock, ...]:
    path.write_bytes(b"".join(boxes))
    return header_clocks(path)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("version", [0, 1])
def test_the_clocks_of_the_file_and_of_its_tracks_are_read(
    tmp_path: Path, version: int, large: bool
) -> None:
    track = box(b"trak", box(b"tkhd", bytes(90)) + box(b"mdia", clock(b"mdhd", 0, SECONDS)))
    moov = box(b"moov", clock(b"mvhd", SECONDS, SECONDS, version) + track, large)
    found = read(tmp_path / "a.mp4", box(b"ftyp", b"isom"), box(b"mdat", bytes(99), large), moov)
    assert found == (HeaderClock("mvhd", MOMENT, MOMENT), HeaderClock("mdhd", None, MOMENT))


def test_a_last_box_without_a_size_reaches_to_the_end(tmp_path: Path) -> None:
    content = clock(b"mvhd", SECONDS, 0)
    assert read(tmp_path / "a.mp4", bytes(4) + b"moov" + content)[0].created == MOMENT


def test_a_time_beyond_all_calendars_is_the_last_one(tmp_path: Path) -> None:
    found = read(tmp_path / "a.mp4", box(b"moov", clock(b"mvhd", 2**64 - 1, 0, version=1)))
    assert found[0].created is not None
    assert found[0].created.year == 9999


@pytest.mark.parametrize(
    "lie",
    [
        struct.pack(">I", 4) + b"moov",
        struct.pack(">I", 2**31) + b"moov",
        b"\x00\x00\x00\x01moov" + bytes(8),
        b"\x00\x00\x00\x01moov" + b"\xff" * 8,
        box(b"moov", struct.pack(">I", 5000) + b"mvhd" + bytes(20)),
        box(b"moov", box(b"mvhd", b"")),
        box(b"moov", box(b"mvhd", b"\x00" * 8)),
        box(b"moov", box(b"mvhd", b"\x07" + bytes(90))),
        b"moov",
        b"",
    ],
)
def test_a_box_that_lies_about_itself_gives_nothing(tmp_path: Path, lie: bytes) -> None:
    assert read(tmp_path / "a.mp4", box(b"ftyp", b"isom"), lie) == ()


def test_the_walk_ends_in_a_file_of_nothing_but_boxes(tmp_path: Path) -> None:
    late = box(b"moov", clock(b"mvhd", SECONDS, 0))
    assert read(tmp_path / "a.mp4", box(b"free", b"") * MAX_BOXES, late) == ()
    assert read(tmp_path / "b.mp4", box(b"free", b"") * (MAX_BOXES - 2), late) != ()


def test_boxes_in_boxes_are_followed_only_where_they_belong(tmp_path: Path) -> None:
    nested = clock(b"mvhd", SECONDS, 0)
    for _ in range(5000):
        nested = box(b"moov", nested)
    assert read(tmp_path / "a.mp4", nested) == ()
