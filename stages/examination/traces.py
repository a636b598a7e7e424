"""Edit traces: what an examiner would note of a file's header, in short sentences.

Each kind is explained in docs/examination.md. The order is that of `FINDERS`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median

from ..media.boxes import HeaderClock
from ..media.container import AVI, MATROSKA, MP4
from ..media.inspection import Inspection, StreamFacts

LIMITS = (
    "A trace is a fact about the file, not proof of manipulation: most honest videos carry "
    "several, and a forged one may carry none. Traces say nothing of the faces in the video and "
    "do not enter its score."
)

EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)  # nobody recorded to such files before
CLOCK_SLACK = timedelta(days=1)  # cameras write local time as if it were UTC
DURATION_SLACK_S, DURATION_SLACK = 0.5, 0.02  # seconds, or this share of the longer stream
START_SLACK_S = 0.1
STEP_SLACK = 0.1  # of the usual time between two pictures
UNEVEN_SHARE = 0.05  # of steps that differ: from here on the rate varies
GAP_STEPS = 3.0  # usual steps
FEWEST_STEPS = 5
SHOWN_VALUE = 100  # characters of a tag or note that a sentence quotes

# Tags in which programs name themselves.
WRITER_TAGS = ("encoder", "software", "encoded_by", "encoding_tool", "handler_name", "comment")
SELDOM = "editors, converters, web sites and messengers use it, cameras seldom do"
TOOLS = (
    (r"\blav[fc]\d", f"FFmpeg's library wrote this; {SELDOM}"),
    (r"\bx26[45]\b", f"a software encoder wrote this; {SELDOM}"),
    (r"handbrake", "HandBrake, a converter, wrote this"),
    (r"\badobe\b|premiere|after effects", "a program of Adobe's for editing wrote this"),
    (r"capcut|jianying|tiktok|bytedance", "an editor or service of ByteDance's wrote this"),
    (r"davinci", "DaVinci Resolve, an editor, wrote this"),
    (r"final cut|imovie|\bcompressor\b", "an editor of Apple's wrote this"),
    (r"produced by google|\byoutube\b", "a service of Google's wrote this"),
    (r"\bvork\b|twitter", "the service X, formerly Twitter, wrote this"),
    (r"\bgpac\b|mp4box", "GPAC, a packager, wrote this"),
    (r"mkvmerge|libebml|virtualdub|avidemux", "a program that joins and cuts files wrote this"),
    (r"kdenlive|shotcut|openshot|filmora|inshot|kinemaster|camtasia", "an editor wrote this"),
    (r"\bobs\b|obs studio", "OBS, which records screens, wrote this"),
)  # fmt: skip

# What a name's ending promises, where it promises one format.
ENDINGS = {
    **dict.fromkeys(("mp4", "m4v", "mov", "3gp", "3g2", "f4v"), MP4),
    **dict.fromkeys(("mkv", "webm"), MATROSKA),
    **dict.fromkeys(("wmv", "asf"), "asf"),
    "avi": AVI,
    "flv": "flv",
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing to note: its kind, and a sentence (or two) for a person."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the finders look at. `name` is the file's; `received` is when it came in."""

    file: Inspection
    clocks: tuple[HeaderClock, ...]
    name: str
    received: datetime


def find_traces(evidence: Evidence) -> list[Trace]:
    """Every trace that was found, at most a few of a kind."""
    return [trace for find in FINDERS for trace in find(evidence)]


def _tools(evidence: Evidence) -> Iterator[Trace]:
    """Each tool once, by the first tag that names it."""
    named: set[str] = set()
    for name, value in evidence.file.tags.items():
        if not _leaf(name).startswith(WRITER_TAGS):
            continue
        for pattern, what in TOOLS:
            if what not in named and re.search(pattern, value, re.IGNORECASE):
                named.add(what)
                yield Trace("encoder_tool", f"The tag {name} says {_quoted(value)}: {what}.")


def _note(evidence: Evidence) -> Iterator[Trace]:
    if note := evidence.file.encoder_note:
        said = _quoted(note.partition(" - options:")[0])
        yield Trace(
            "encoder_note",
            f"The encoder of the pictures left a note in them, {said}, as encoders in software do.",
        )


def _converted(evidence: Evidence) -> Iterator[Trace]:
    if "major_brand" in evidence.file.tags and evidence.file.format != MP4:
        yield Trace(
            "converted",
            "It carries a tag that only MP4 and QuickTime files are born with (major_brand), and "
            "is none: it seems made from one.",
        )


def _misnamed(evidence: Evidence) -> Iterator[Trace]:
    ending = PurePosixPath(evidence.name).suffix.lower().removeprefix(".")
    if ENDINGS.get(ending, evidence.file.format) != evidence.file.format:
        yield Trace(
            "misnamed", f"Its name ends in .{ending}, but the container is {evidence.file.format}."
        )


def _created(evidence: Evidence) -> Iterator[Trace]:
    """At most one trace of each kind: the headers of tracks repeat what the file's header says."""
    stated = list(_creation_times(evidence))
    found: dict[str, Trace] = {}
    for where, moment in stated:
        if trace := _odd_creation(where, moment, evidence.received):
            found.setdefault(trace.kind, trace)
    yield from found.values()
    if not stated:
        yield Trace("no_creation_time", f"It does not say when it was made.{_unset(evidence)}")


def _creation_times(evidence: Evidence) -> Iterator[tuple[str, datetime | str]]:
    """Where the file says when it was made, and when; text that is no time stays text."""
    for clock in evidence.clocks:
        if clock.created:
            yield f"the header {clock.box}", clock.created
    for name in ("creation_time", "com.apple.quicktime.creationdate"):
        if value := evidence.file.tags.get(name):
            yield f"the tag {name}", _moment(value) or value


def _odd_creation(where: str, created: datetime | str, received: datetime) -> Trace | None:
    if isinstance(created, str):
        return Trace("odd_creation_time", f"By {where} it was made at {_quoted(created)}: no time.")
    if created < EARLIEST:
        return Trace(
            "odd_creation_time",
            f"By {where} it was made at {_time(created)}, before such files were: by a clock that "
            "was never set, or set to its zero (1904, 1970).",
        )
    if created > received + CLOCK_SLACK:
        return Trace(
            "created_after_received",
            f"By {where} it was made at {_time(created)}, after it was received at "
            f"{_time(received)}.",
        )
    return None


def _modified(evidence: Evidence) -> Iterator[Trace]:
    for clock in evidence.clocks:
        if clock.created and clock.modified and clock.modified < clock.created:
            yield Trace(
                "modified_before_created",
                f"The header {clock.box} says that it was last changed at {_time(clock.modified)}, "
                f"before it was made ({_time(clock.created)}).",
            )
            return


def _sound(evidence: Evidence) -> Iterator[Trace]:
    if not _of_kind(evidence.file, "audio"):
        yield Trace(
            "no_sound",
            "It has no sound. Some are recorded without; from others it was taken out.",
        )


def _durations(evidence: Evidence) -> Iterator[Trace]:
    lasting = [s for s in _of_kind(evidence.file, "video", "audio") if s.duration_s]
    if not lasting:
        return
    longest = max(lasting, key=lambda stream: stream.duration_s or 0)
    shortest = min(lasting, key=lambda stream: stream.duration_s or 0)
    long, short = longest.duration_s or 0, shortest.duration_s or 0
    if long - short > max(DURATION_SLACK_S, DURATION_SLACK * long):
        yield Trace(
            "durations_differ",
            f"{_called(longest)} lasts {long:.2f} s, {_called(shortest)} only {short:.2f} s.",
        )


def _starts(evidence: Evidence) -> Iterator[Trace]:
    starting = [s for s in _of_kind(evidence.file, "video", "audio") if s.start_s is not None]
    if not starting:
        return
    first = min(starting, key=lambda stream: stream.start_s or 0)
    last = max(starting, key=lambda stream: stream.start_s or 0)
    late = (last.start_s or 0) - (first.start_s or 0)
    if late > START_SLACK_S:
        yield Trace(
            "starts_differ", f"{_called(last)} begins {late:.2f} s after {_called(first).lower()}."
        )


def _hidden(evidence: Evidence) -> Iterator[Trace]:
    if hidden := evidence.file.times.hidden:
        yield Trace(
            "hidden_pictures",
            f"{hidden} picture(s) are in the file that players are told not to show (an edit "
            "list), as when it is trimmed without being encoded again.",
        )


def _steps(evidence: Evidence) -> Iterator[Trace]:
    """Uneven time stamps: a rate that varies all along, or a steady one with gaps."""
    shown = evidence.file.times.shown
    steps = [after - before for before, after in pairwise(shown)]
    if len(steps) < FEWEST_STEPS:
        return
    usual = median(steps)
    slack = min(max(1.01 * evidence.file.times.tick_s, STEP_SLACK * usual), usual / 2)
    uneven = sum(abs(step - usual) > slack for step in steps)
    longest = max(steps)
    if uneven > UNEVEN_SHARE * len(steps):
        yield Trace(
            "variable_frame_rate",
            f"The time between pictures varies, from {min(steps):.3f} to {longest:.3f} s over "
            f"{len(shown)} pictures, as phones, screen recorders and some editors write it.",
        )
    elif longest >= GAP_STEPS * usual:
        yield Trace(
            "gap",
            f"A picture comes every {usual:.3f} s, but at {shown[steps.index(longest)]:.2f} s none "
            f"for {longest:.3f} s: pictures were dropped or taken out.",
        )


def _excess(evidence: Evidence) -> Iterator[Trace]:
    file = evidence.file
    for what, found, kept in (
        ("tags", file.tags_found, len(file.tags)),
        ("streams", file.streams_found, len(file.streams)),
    ):
        if found > kept:
            yield Trace(
                "excess", f"It has {found} {what}, far more than usual; {kept} are listed here."
            )


FINDERS: tuple[Callable[[Evidence], Iterator[Trace]], ...] = (
    _tools,
    _note,
    _converted,
    _misnamed,
    _created,
    _modified,
    _sound,
    _durations,
    _starts,
    _hidden,
    _steps,
    _excess,
)


def _unset(evidence: Evidence) -> str:
    return " The field is there, and zero (1904-01-01)." if evidence.clocks else ""


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")


def _of_kind(file: Inspection, *kinds: str) -> list[StreamFacts]:
    return [stream for stream in file.streams if stream.kind in kinds]


def _called(stream: StreamFacts) -> str:
    return f"The {stream.kind} (stream {stream.index})"


def _leaf(name: str) -> str:
    """The last part of a tag's name: `software` of `com.apple.quicktime.software`."""
    return name.rpartition(": ")[2].rpartition(".")[2]


def _quoted(value: str) -> str:
    return f'"{value[:SHOWN_VALUE]}..."' if len(value) > SHOWN_VALUE else f'"{value}"'
