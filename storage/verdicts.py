"""Every verdict of a job, as rows: written with the change that publishes it, never altered."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from .tables import verdicts

CURRENT = ("decision", "reason", "probability", "folder", "finished_at")  # as the job's row has it


@dataclass(frozen=True, slots=True)
class DetectorRef:
    """The detector that judged. `sha256` is that of its record."""

    name: str
    version: str
    sha256: str


def add(connection: Connection, job: Row[Any], judge: DetectorRef | None) -> None:
    """Add the verdict that the job's row holds, in the transaction that makes it done."""
    connection.execute(
        insert(verdicts).values(
            job=job.id,
            number=next_number(connection, job.id),
            decision=job.decision,
            reason=job.reason,
            probability=job.probability,
            detector=judge and judge.name,
            detector_version=judge and judge.version,
            detector_sha256=judge and judge.sha256,
            folder=job.folder,
            finished_at=job.finished_at,
        )
    )


def next_number(connection: Connection, job: str) -> int:
    """The number that the job's next verdict gets: 1 while it has none."""
    last = select(func.max(verdicts.c.number)).where(verdicts.c.job == job)
    return int(connection.execute(last).scalar() or 0) + 1


def current(connection: Connection, job: str) -> dict[str, Any]:
    """The values of `CURRENT` in the job's last published verdict; empty when there is none."""
    last = (
        select(*(verdicts.c[name] for name in CURRENT))
        .where(verdicts.c.job == job)
        .order_by(verdicts.c.number.desc())
        .limit(1)
    )
    row = connection.execute(last).one_or_none()
    return dict(row._mapping) if row is not None else {}
