"""The closing stage: it turns the facts into the record."""

import time
from collections.abc import Mapping
from typing import Any

from .base import Context
from .chain import Timing
from .record import write_record
from .verdict import compose


class Report:
    """Writes `verdict.json` into the work folder and gives it as the fact `verdict`."""

    name = "report"
    version = "1"
    needs: frozenset[str] = frozenset()
    gives = frozenset({"verdict"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        begun = time.perf_counter()
        record = compose(context, Timing(self.name, self.version, 0.0))
        # All but the writing of the file itself, which can't be timed inside that file.
        record["stages"][-1]["seconds"] = round(time.perf_counter() - begun, 4)
        write_record(record, context.work)
        return {"verdict": record}
