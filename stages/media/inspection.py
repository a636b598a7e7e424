"""All that a container states about itself, read with PyAV: streams, tags, time stamps.

Nothing is decoded. Everything is bounded, because the file may lie about all of it: only so many
streams, tags and packets are read, and `Inspection` says how many there were.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from ...record.schema import StreamKind
from ...storage.text import clipped
from .container import MP4, open_container, packets

MAX_STREAMS = 64
MAX_TAGS = 100
MAX_NAME = 80  # characters of a tag's name
MAX_VALUE = 300  # characters of a tag's value
MAX_PACKETS = 20_000  # of all streams together
MAX_PACKET_BYTES = 64 << 20  # of all streams together
MAX_NOTE = 2_000  # characters of an encoder's note
NOTE_SEARCH_BYTES = 256 << 10  # of the first picture's packet

# Kept first when there are too many tags.
FIRST_TAGS = (
    "creation_time",
    "com.apple.quicktime.creationdate",
    "date",
    "encoder",
    "software",
    "com.apple.quicktime.software",
    "encoded_by",
    "handler_name",
    "make",
    "model",
    "location",
)

# What precedes the note that an encoder leaves about itself: the UUIDs of x264's and x265's
# SEI messages, and the start code of user data in MPEG-4 part 2.
NOTE_MARKS = {
    "h264": bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),
    "hevc": bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),
    "mpeg4": b"\x00\x00\x01\xb2",
}
_NOTE = re.compile(rb"[\x20-\x7e]{4,%d}" % MAX_NOTE)
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the file states about one stream; None where it does not. Times are in seconds.

    `kind` is video, audio, subtitle, data, attachment, cover (a picture for a list of files), or
    unknown.
    """

    index: int
    kind: StreamKind
    codec: str | None = None
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    pixel_format: str | None = None
    fps: float | None = None
    bit_rate: int | None = None
    start_s: float | None = None
    duration_s: float | None = None
    language: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    encoder: str | None = None


@dataclass(frozen=True, slots=True)
class PictureTimes:
    """When the pictures of the first video stream are shown, as far as they were read."""

    shown: tuple[float, ...] = ()  # seconds, ascending
    tick_s: float = 0.0  # the finest step that the file can express
    hidden: int = 0  # pictures that the file holds and tells players not to show


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that was read. `tags` are safe to print: control characters escaped, clipped."""

    format: str  # FFmpeg's name
    duration_s: float | None
    bit_rate: int | None
    streams: tuple[StreamFacts, ...]
    streams_found: int
    tags: Mapping[str, str]  # "encoder" of the container, "stream 0: encoder" of a stream
    tags_found: int
    encoder_note: str | None  # what the encoder wrote into the picture stream, safe to print
    times: PictureTimes


def inspect_file(path: Path) -> Inspection:
    """Read the header and the first packets.

    Raises what `open_container` raises: `NotAnalysable`, OSError.
    """
    with closing(open_container(path)) as container:
        tags = list(_tags(container))
        streams = tuple(_stream_facts(stream) for stream in list(container.streams)[:MAX_STREAMS])
        note, times = _read_pictures(container)
        return Inspection(
            format=container.format.name,
            duration_s=container.duration / av.time_base if container.duration else None,
            bit_rate=container.bit_rate or None,
            streams=streams,
            streams_found=len(container.streams),
            tags=_safe(tags),
            tags_found=len(tags),
            encoder_note=note,
            times=times,
        )


def _tags(container: InputContainer) -> Iterator[tuple[str, str]]:
    for name, value in container.metadata.items():
        yield name.lower(), value
    for stream in container.streams:
        for name, value in stream.metadata.items():
            yield f"stream {stream.index}: {name.lower()}", value


def _safe(tags: list[tuple[str, str]]) -> dict[str, str]:
    """At most `MAX_TAGS`, the informative ones first; two of the same name are both kept."""
    kept: dict[str, str] = {}
    for name, value in sorted(tags, key=_rank)[:MAX_TAGS]:
        safe, again = clipped(name, MAX_NAME), 2
        while safe in kept:
            safe = f"{clipped(name, MAX_NAME)} ({again})"
            again += 1
        kept[safe] = clipped(value, MAX_VALUE)
    return kept


def _rank(tag: tuple[str, str]) -> int:
    name = tag[0].rpartition(": ")[2]
    return FIRST_TAGS.index(name) if name in FIRST_TAGS else len(FIRST_TAGS)


def _stream_facts(stream: Stream) -> StreamFacts:
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    base = stream.time_base or 0
    return StreamFacts(
        index=stream.index,
        kind=_kind(stream),
        start_s=_seconds(stream.start_time, base),
        duration_s=_seconds(stream.duration, base) or _clock(tags.get("duration", "")),
        language=_text(tags.get("language")),
        encoder=_text(tags.get("encoder")),
        **_codec_facts(stream),
    )


def _codec_facts(stream: Stream) -> dict[str, Any]:
    context = cast(Any, stream.codec_context)  # None without a decoder, whatever PyAV's types say
    if context is None:
        return {}
    facts = {
        "codec": context.codec.canonical_name,
        "profile": _text(context.profile),
        "bit_rate": context.bit_rate or None,
    }
    if stream.type == "video":
        rate = cast(Any, stream).average_rate
        facts |= {
            "width": context.width or None,
            "height": context.height or None,
            "pixel_format": context.pix_fmt,
            "fps": round(float(rate), 6) if rate else None,
        }
    elif stream.type == "audio":
        facts |= {"sample_rate": context.sample_rate or None, "channels": context.channels or None}
    return facts


def _kind(stream: Stream) -> StreamKind:
    return "cover" if stream.disposition & Disposition.attached_pic else stream.type


def _text(value: str | None) -> str | None:
    return clipped(value, MAX_VALUE) if value else None


def _seconds(ticks: int | None, base: Any) -> float | None:
    return None if ticks is None or not base else round(float(ticks * base), 6)


def _clock(text: str) -> float | None:
    """Seconds of the tag that Matroska has instead of a duration: 00:00:02.500000000."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 6)


def _read_pictures(container: InputContainer) -> tuple[str | None, PictureTimes]:
    """The encoder's note in the first picture, and the times of those after it."""
    stream = next((s for s in container.streams.video if _kind(s) == "video"), None)
    if stream is None or not stream.time_base:
        return None, PictureTimes()
    note: str | None = None
    stamps: list[int] = []
    seen, hidden = 0, _left_out(container, stream)
    known: int | None = None  # no later packet can add a picture before this
    for packet in _packets(container):
        if packet.stream_index != stream.index:
            continue
        known = packet.dts if packet.size else None
        if not packet.size:  # marks the end of the stream
            break
        note = note if seen else _encoder_note(stream, packet)
        seen += 1
        hidden += packet.is_discard
        if packet.pts is not None and not packet.is_discard:
            stamps.append(packet.pts)
    tick = float(stream.time_base)
    shown = tuple(stamp * tick for stamp in sorted(stamps) if known is None or stamp <= known)
    return note, PictureTimes(shown=shown, tick_s=tick, hidden=hidden)


def _left_out(container: InputContainer, stream: VideoStream) -> int:
    """Pictures before the keyframe at which an edit list lets players begin: FFmpeg drops them
    from its index, so that their packets are never read."""
    listed = len(stream.index_entries)
    return max(stream.frames - listed, 0) if listed and container.format.name == MP4 else 0


def _packets(container: InputContainer) -> Iterator["Packet[Any]"]:
    """The first packets of all streams, undecoded; a damaged file ends at the damage."""
    size = 0
    try:
        for count, packet in enumerate(packets(container), 1):
            size += packet.size
            yield packet
            if count >= MAX_PACKETS or size >= MAX_PACKET_BYTES:
                return
    except av.FFmpegError:
        return


def _encoder_note(stream: Stream, packet: "Packet[Any]") -> str | None:
    context = cast(Any, stream.codec_context)
    mark = NOTE_MARKS.get(context.codec.canonical_name) if context is not None else None
    if mark is None:
        return None
    for where in (bytes(context.extradata or b""), bytes(memoryview(packet)[:NOTE_SEARCH_BYTES])):
        place = where.find(mark)
        if place >= 0 and (note := _NOTE.match(where, place + len(mark))):
            return clipped(note[0].decode("ascii"), MAX_VALUE)
    return None
