"""What is wrong with a data set: faults, which are reported all at once, and warnings."""

from collections.abc import Sequence
from pathlib import Path

from ...storage.errors import UserError

NAMED = 20  # of one kind; the rest are counted


class Remarks:
    """Collects faults and warnings while a data set is read and checked."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._faults: dict[str, list[str]] = {}

    def fault(self, kind: str, what: str) -> None:
        """Something that must be fixed. `kind` reads as a heading: "missing files"."""
        self._faults.setdefault(kind, []).append(what)

    def warn(self, sentence: str) -> None:
        """Something that the user should know, but that does not stop the run."""
        self.warnings.append(sentence)

    def raise_faults(self, dataset: Path) -> None:
        """Raise one `UserError` that lists every fault so far, if there are any."""
        if not self._faults:
            return
        listed = "; ".join(
            f"{kind} ({len(what)}): {name_some(what)}" for kind, what in self._faults.items()
        )
        raise UserError(f"{dataset} can't be learned from until this is fixed: {listed}")


def name_some(things: Sequence[str]) -> str:
    """At most `NAMED` of them, and how many more there are."""
    more = len(things) - NAMED
    return ", ".join(things[:NAMED]) + (f" and {more} more" if more > 0 else "")
