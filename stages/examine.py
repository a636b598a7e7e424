"""The stage `examine`: what kind of file this is, how it came about, and who vouches for it."""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..record.schema import ExaminationPart, ProvenancePart, StreamPart
from .base import Context
from .examination.examined import unread
from .examination.provenance import read_provenance
from .examination.traces import LIMITS, Evidence, Trace, find_traces
from .examination.trust import trust_anchors
from .media.boxes import header_clocks
from .media.container import MP4
from .media.inspection import Inspection, StreamFacts, inspect_file

logger = logging.getLogger(__name__)

# What a damaged file may raise in a reader. It costs this evidence, not the job: whether the video
# can be judged is up to the stages that decode it. A disk error is not evidence.
UNREADABLE = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
FAILED = "The file could not be read in the search for a manifest, so nothing is said of one."
NO_TRACES = "The header could not be read to its end, so that traces in it were not found."


class Examine:
    """Reads all that the container states, before anything is decoded or a face is looked for.

    What can't be read costs that part of the evidence, not the job.

    Gives `examination` and `provenance`, as they stand in the record (docs/verdict.schema.json).
    Raises `NotAnalysable` (unsupported or undecodable) for a file that does not open.
    """

    name = "examine"
    version = "1"
    needs: frozenset[str] = frozenset()
    gives = frozenset({"examination", "provenance"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Inspect the file, note its traces, read its manifest."""
        anchors = trust_anchors(context.settings.examine.trust)
        try:
            file = inspect_file(context.video)
        except UNREADABLE as error:
            logger.warning("the file can't be examined: %s: %s", type(error).__name__, error)
            return {"examination": None, "provenance": unread(FAILED)}
        context.progress(0.5)
        return {
            "examination": _examination(file, _traces(context, file)),
            "provenance": _provenance(context.video, file, anchors),
        }


def _traces(context: Context, file: Inspection) -> list[Trace]:
    try:
        clocks = header_clocks(context.video) if file.format == MP4 else ()
        received = datetime.fromisoformat(context.subject.received_at)
        return find_traces(Evidence(file, clocks, context.subject.name, received))
    except UNREADABLE as error:
        logger.warning("no traces can be found: %s: %s", type(error).__name__, error)
        return [Trace("unreadable", NO_TRACES)]


def _provenance(video: Path, file: Inspection, anchors: str | None) -> ProvenancePart:
    try:
        return read_provenance(video, file.format, anchors)
    except UNREADABLE as error:
        logger.warning("no manifest can be read: %s: %s", type(error).__name__, error)
        return unread(FAILED)


def _examination(file: Inspection, traces: list[Trace]) -> ExaminationPart:
    return {
        "container": {
            "format": file.format,
            "duration_s": file.duration_s,
            "bit_rate": file.bit_rate,
        },
        "streams": [_stream(stream) for stream in file.streams],
        "tags": dict(file.tags),
        "traces": [{"kind": trace.kind, "text": trace.text} for trace in traces],
        "limits": LIMITS,
    }


def _stream(stream: StreamFacts) -> StreamPart:
    return {
        "index": stream.index,
        "kind": stream.kind,
        "codec": stream.codec,
        "profile": stream.profile,
        "width": stream.width,
        "height": stream.height,
        "pixel_format": stream.pixel_format,
        "fps": stream.fps,
        "bit_rate": stream.bit_rate,
        "start_s": stream.start_s,
        "duration_s": stream.duration_s,
        "language": stream.language,
        "sample_rate": stream.sample_rate,
        "channels": stream.channels,
        "encoder": stream.encoder,
    }
