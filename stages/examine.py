"""The stage `examine`: what kind of file this is, how it came about, and who vouches for it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .base import Context
from .media.boxes import header_clocks
from .media.container import MP4
from .media.inspection import Inspection, inspect_file
from .provenance import read_provenance
from .traces import LIMITS, Evidence, Trace, find_traces
from .trust import trust_anchors


class Examine:
    """Reads everything that the container says, before anything is decoded or a face looked for.

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
        file = inspect_file(context.video)
        context.progress(0.5)
        clocks = header_clocks(context.video) if file.format == MP4 else ()
        received = datetime.fromisoformat(context.subject.received_at)
        traces = find_traces(Evidence(file, clocks, context.subject.name, received))
        return {
            "examination": _examination(file, traces),
            "provenance": read_provenance(context.video, file.format, anchors),
        }


def _examination(file: Inspection, traces: list[Trace]) -> dict[str, Any]:
    return {
        "container": {
            "format": file.format,
            "duration_s": file.duration_s,
            "bit_rate": file.bit_rate,
        },
        "streams": [asdict(stream) for stream in file.streams],
        "tags": dict(file.tags),
        "traces": [asdict(trace) for trace in traces],
        "limits": LIMITS,
    }
