"""The clocks in the headers of MP4 and QuickTime files, which FFmpeg shows only in part.

The file is walked box by box (ISO/IEC 14496-12, section 4.2) down to `moov/mvhd` and each
`moov/trak/mdia/mdhd`; nothing else is read, and after `MAX_BOXES` boxes the walk ends.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

MAX_BOXES = 10_000
EPOCH = datetime(1904, 1, 1, tzinfo=UTC)  # where these files begin to count
LAST_S = int((datetime(9999, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())

_INSIDE = {
    b"": (b"moov",),
    b"moov": (b"mvhd", b"trak"),
    b"trak": (b"mdia",),
    b"mdia": (b"mdhd",),
}
_CLOCKS = {0: struct.Struct(">4xII"), 1: struct.Struct(">4xQQ")}  # by version: created, modified


@dataclass(frozen=True, slots=True)
class HeaderClock:
    """When a header says it was made and last changed; None where the field is zero: not set."""

    box: str  # mvhd: of the whole file; mdhd: of a track
    created: datetime | None
    modified: datetime | None


def header_clocks(path: Path) -> tuple[HeaderClock, ...]:
    """The clocks of the whole file and of its tracks, in order; empty when there are none.

    Raises OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        walk = _Walk(file)
        return tuple(walk.clocks(b"", 0, path.stat().st_size))


class _Walk:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_BOXES

    def clocks(self, parent: bytes, start: int, end: int) -> Iterator[HeaderClock]:
        for kind, body, stop in self._boxes(start, end):
            if kind not in _INSIDE[parent]:
                continue
            if kind in _INSIDE:
                yield from self.clocks(kind, body, stop)
            elif clock := self._clock(kind, body, stop):
                yield clock

    def _boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
        """Kind, begin and end of the content of each box; an impossible size ends the walk."""
        while start + 8 <= end and self._left > 0:
            self._left -= 1
            self._file.seek(start)
            head = self._file.read(16)
            size, body = int.from_bytes(head[:4], "big"), start + 8
            if size == 1:
                size, body = int.from_bytes(head[8:16], "big"), start + 16
            stop = end if size == 0 else start + size
            if stop < body or stop > end:
                return
            yield head[4:8], body, stop
            start = stop

    def _clock(self, kind: bytes, body: int, stop: int) -> HeaderClock | None:
        self._file.seek(body)
        data = self._file.read(min(stop - body, 20))
        layout = _CLOCKS.get(data[0]) if data else None
        if layout is None or len(data) < layout.size:
            return None
        created, modified = layout.unpack_from(data)
        return HeaderClock(kind.decode("ascii"), _moment(created), _moment(modified))


def _moment(seconds: int) -> datetime | None:
    return EPOCH + timedelta(seconds=min(seconds, LAST_S)) if seconds else None
