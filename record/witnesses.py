"""What published verdicts know of the audit log: each names its last entry at that moment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..storage.audit import LogHead, Witness, parse_head
from ..storage.errors import UserError
from .file import VERDICT_FILE
from .parsing import RecordDamaged, parse_custody
from .schema import CustodyEntry, CustodyPart

IN_THE_LOG = "audit log"  # the entry of a verdict's custody that names the log's last entry
PREFIX = "entry "


def custody_of_log(head: LogHead, at: str) -> CustodyPart:
    """The entry of a verdict's custody that names the log's last entry."""
    return {"at": at, "what": IN_THE_LOG, "detail": f"{PREFIX}{head}"}


def witness_of(custody: Sequence[CustodyEntry], where: str) -> Witness | None:
    """The head that a verdict carries; None when it carries none. Raises `UserError` when what it
    carries is none."""
    for entry in custody:
        if entry["what"] == IN_THE_LOG:
            return Witness(where, parse_head(entry["detail"].removeprefix(PREFIX)))
    return None


def witnesses_in(outbox: Path) -> Iterator[Witness]:
    """The heads that the verdicts of an outbox carry. A verdict that can't be read is left out:
    `ddaemon verify` reports it."""
    for folder in sorted(outbox.iterdir()) if outbox.is_dir() else ():
        if folder.name.startswith(".") or not folder.is_dir():
            continue
        try:
            custody = parse_custody((folder / VERDICT_FILE).read_bytes())
            found = witness_of(custody, f"the verdict {folder.name}")
        except (OSError, RecordDamaged, UserError):
            continue
        if found:
            yield found
