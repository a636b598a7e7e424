"""The closing stage: it turns the facts into the record, and that into what people look at."""

import time
from collections.abc import Mapping
from typing import Any

from ..record.file import write_record
from ..storage.times import iso
from .base import Context
from .chain import Timing
from .reporting.publish import draw, publish_page
from .verdict import compose


class Report:
    """Gives the record as the fact `verdict`, and writes into the work folder.

    `verdict.json` is the record. `report.html` is a page made from it and from the pictures in
    the folder; `timeline.png` is its chart; `overlay.mp4` the video with scores drawn over it.
    Each of the three can be left out (`[report]` in the settings). The record comes last: it
    may speak of every other file in the folder.
    """

    name = "report"
    version = "2"
    needs: frozenset[str] = frozenset()
    gives = frozenset({"verdict"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        begun = time.perf_counter()
        record = compose(context, Timing(self.name, self.version, 0.0))
        draw(record, context)
        record["finished_at"] = iso(time.time())  # the pictures took their time
        publish_page(record, context)
        # All but the writing of the file itself, which can't be timed inside that file.
        record["stages"][-1]["seconds"] = round(time.perf_counter() - begun, 4)
        write_record(record, context.work)
        return {"verdict": record}
