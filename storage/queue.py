"""The job queue. This file alone changes a job's state; each change is one transaction.

The promise: at least one attempt, and one published result, for every content that was accepted.
A claim marks a job and never deletes it; every later write of its holder carries the claim's
token, so a holder that lost its lease can't change anything any more (`LeaseLost`).

Several homes may use one database. All claim from the same queue, and each finishes what it claimed
itself. Where transactions run side by side (PostgreSQL), each changes its rows first and writes the
log last, so that no two wait for each other (`audit.append`).
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from . import audit, verdicts
from .content import FileStamp, file_name
from .database import Database
from .engines import insert_unless_there, upsert
from .errors import JobError, LeaseLost
from .place import ALONE
from .states import ENDED, State
from .tables import events, files, jobs, notices, reruns
from .text import clipped
from .verdicts import DetectorRef

ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # without letters that look like another
ID_LENGTH = 8
MAX_BACKOFF_S = 3600.0
MAX_WHY = 2000  # letters of why an attempt failed
ATTEMPTS_USED_UP = "every attempt failed"
FREED = {"token": None, "lease_until": None, "stage": None}  # of a job that nobody holds

JobRow = Row[Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that came in, its content read."""

    path: Path
    stamp: FileStamp
    sha256: str
    received_at: float
    priority: int = 0

    @property
    def name(self) -> str:
        """The file's name as text, whatever bytes it is made of."""
        return file_name(self.path)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, as long as the lease is kept alive."""

    job: str
    token: str
    attempt: int
    name: str
    sha256: str
    bytes: int
    source: Path
    stamp: FileStamp  # what the file at `source` was when its content was accepted
    received_at: float
    detector: str | None = None  # the one that is to judge; None: the one in use


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the chain found; the details are in the verdict's file."""

    decision: str
    reason: str | None
    probability: float | None


class Queue:
    """The queue over one database.

    Args:
        database: where the jobs are.
        max_attempts: after so many failed attempts a job goes to quarantine.
        backoff_s: seconds before the second attempt, doubled for each further one.
        holder: the home that uses it.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        *,
        max_attempts: int = 3,
        backoff_s: float = 10.0,
        holder: str = ALONE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._holder = holder
        self.max_attempts = max_attempts
        self.backoff_s = backoff_s
        self._clock = clock
        # Called, in the transaction that ends a job, with the job as it then stands.
        self.on_ended: Callable[[Connection, JobRow], None] = lambda _connection, _row: None

    # -- coming in ---------------------------------------------------------------------------

    def enqueue(self, arrival: Arrival) -> tuple[str, bool]:
        """Accept a file's content; return its job and whether the job is new.

        The same content again is the same job: its file is remembered, a higher priority is
        taken over, and a job without a verdict whose file went missing is pointed to the new
        one.
        """
        return self.enqueue_all([arrival])[0]

    def enqueue_all(self, arrivals: Sequence[Arrival]) -> list[tuple[str, bool]]:
        """The same for several, in one transaction: all are accepted, or none."""
        with self._database.write() as connection:
            return [self._accept(connection, arrival) for arrival in arrivals]

    def _accept(self, connection: Connection, arrival: Arrival) -> tuple[str, bool]:
        while True:
            if job := self._insert(connection, arrival):
                self._remember(connection, arrival, job)
                self._log_arrival(connection, arrival, job)
                return job, True
            if known := _locked(connection, jobs.c.sha256 == arrival.sha256):
                self._remember(connection, arrival, known.id)
                self._meet_again(connection, known, arrival)
                return known.id, False
            # It was purged between the two statements.

    def _log_arrival(self, connection: Connection, arrival: Arrival, job: str) -> None:
        size = arrival.stamp.size
        self._log(connection, job, "accepted", arrival.name, sha256=arrival.sha256, bytes=size)

    def _insert(self, connection: Connection, arrival: Arrival) -> str | None:
        """The id of the new job; None when there is one of this content."""
        job = {
            "id": "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH)),
            "sha256": arrival.sha256,
            "name": arrival.name,
            "bytes": arrival.stamp.size,
            **_whereabouts(arrival.path, arrival.stamp),
            "state": State.PENDING,
            "priority": arrival.priority,
            "received_at": arrival.received_at,
            "not_before": 0.0,
            "attempts": 0,
        }
        return job["id"] if insert_unless_there(connection, jobs, "sha256", job) else None

    def _meet_again(self, connection: Connection, known: JobRow, arrival: Arrival) -> None:
        changes: dict[str, Any] = {}
        if arrival.priority > known.priority:
            changes["priority"] = arrival.priority
        if known.state != State.DONE and FileStamp.at(known.source) != _stamp(known):
            changes |= _whereabouts(arrival.path, arrival.stamp)
        if changes:
            connection.execute(update(jobs).where(jobs.c.id == known.id).values(changes))
        if known.source != arrival.path:
            self._log(connection, known.id, "seen again", arrival.name, sha256=arrival.sha256)

    def _remember(self, connection: Connection, arrival: Arrival, job: str) -> None:
        values = {
            "holder": self._holder,
            "path": arrival.path,
            "size": arrival.stamp.size,
            "mtime_ns": arrival.stamp.mtime_ns,
            "inode": arrival.stamp.inode,
            "job": job,
        }
        upsert(connection, files, ("holder", "path"), values)

    def known_files(self) -> dict[Path, FileStamp]:
        """Every file of this home's inbox whose content was accepted, as it was then."""
        mine = select(files).where(files.c.holder == self._holder)
        with self._database.read() as connection:
            rows = connection.execute(mine).all()
        return {row.path: FileStamp(row.size, row.mtime_ns, row.inode) for row in rows}

    def files_of_ended(self) -> list[tuple[Path, FileStamp, JobRow]]:
        """Files of this home's inbox whose job has a folder."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(files, *jobs.c)
                .join(jobs, files.c.job == jobs.c.id)
                .where(
                    files.c.holder == self._holder,
                    jobs.c.state.in_((State.DONE, State.QUARANTINED)),
                    jobs.c.folder.is_not(None),
                )
            ).all()
        return [(row.path, FileStamp(row.size, row.mtime_ns, row.inode), row) for row in rows]

    def moved_along(self, path: Path, row: JobRow) -> None:
        """Log that another file with an ended job's content moved from the inbox to its folder."""
        with self._database.write() as connection:
            connection.execute(delete(files).where(*self._at(path)))
            # Not an event of the job, which may have been purged meanwhile.
            audit.append(
                connection, "moved along", row.id, {"text": file_name(path)}, sha256=row.sha256
            )

    def forget_file(self, path: Path) -> None:
        """Forget a file that is gone from the inbox: the next one of that name is a new arrival."""
        with self._database.write() as connection:
            connection.execute(delete(files).where(*self._at(path)))

    def adopt(self) -> None:
        """Take over the rows from before homes had names: they were this home's."""
        open_states = (State.RUNNING, State.PUBLISHING, State.QUARANTINED)
        mine = {"holder": self._holder}
        theirs = select(files.c.path).where(files.c.holder == self._holder)
        nameless = files.c.holder == ALONE
        with self._database.write() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.holder.is_(None), jobs.c.state.in_(open_states))
                .values(mine)
            )
            connection.execute(update(notices).where(notices.c.holder.is_(None)).values(mine))
            if self._holder != ALONE:
                connection.execute(delete(files).where(nameless, files.c.path.in_(theirs)))
                connection.execute(update(files).where(nameless).values(mine))

    def _at(self, path: Path) -> tuple[ColumnElement[bool], ...]:
        return files.c.holder == self._holder, files.c.path == path

    # -- work --------------------------------------------------------------------------------

    def claim(self, lease_s: float) -> Claim | None:
        """Take the next job whose time has come: highest priority first, then oldest."""
        now = self._clock()
        values = {
            "now": now,
            "latest": now + MAX_BACKOFF_S,
            "new_token": secrets.token_hex(8),
            "new_holder": self._holder,
            "new_lease": now + lease_s,
        }
        with self._database.write() as connection:
            row = connection.execute(_take_next(), values).one_or_none()
            if row is None:
                return None
            asked = select(reruns.c.detector).where(reruns.c.job == row.id)
            detector = connection.execute(asked).scalar_one_or_none()
            self._log(connection, row.id, "claimed", f"attempt {row.attempts}")
        return Claim(
            job=row.id,
            token=row.token,
            attempt=row.attempts,
            name=row.name,
            sha256=row.sha256,
            bytes=row.bytes,
            source=row.source,
            stamp=_stamp(row),
            received_at=row.received_at,
            detector=detector,
        )

    def heartbeat(self, claim: Claim, lease_s: float, stage: str | None, percent: float) -> None:
        """Renew the lease; record how far the job is. Raises `LeaseLost`."""
        with self._database.write() as connection:
            self._fenced(
                connection,
                claim,
                lease_until=self._clock() + lease_s,
                stage=stage,
                percent=percent,
            )

    def begin_publishing(self, claim: Claim, outcome: Outcome, folder: str) -> None:
        """Record that the verdict is complete and will appear as `folder`, a second one of the job
        as `folder`-2, and so on. Raises `LeaseLost`."""
        with self._database.write() as connection:
            number = verdicts.next_number(connection, claim.job)
            folder = folder if number == 1 else f"{folder}-{number}"
            self._fenced(
                connection,
                claim,
                state=State.PUBLISHING,
                decision=outcome.decision,
                reason=outcome.reason,
                probability=outcome.probability,
                folder=folder,
                stage=None,
                percent=100.0,
                error=None,
            )
            self._log(
                connection,
                claim.job,
                "judged",
                outcome.decision,
                reason=outcome.reason,
                probability=outcome.probability,
            )

    def finish(self, job: str, verdict_sha256: str, judge: DetectorRef | None = None) -> None:
        """Record that the verdict's folder is in the outbox, its `verdict.json` with this SHA-256.

        `judge` is the detector that the record names.
        """
        done = (
            update(jobs)
            .where(jobs.c.id == job, jobs.c.state == State.PUBLISHING)
            .values(state=State.DONE, finished_at=self._clock(), token=None, lease_until=None)
            .returning(*jobs.c)
        )
        with self._database.write() as connection:
            row = connection.execute(done).one_or_none()
            if row is not None:
                verdicts.add(connection, row, judge)
                connection.execute(delete(reruns).where(reruns.c.job == job))
                self._log(
                    connection,
                    job,
                    audit.PUBLISHED,
                    "",
                    sha256=verdict_sha256,
                    folder=row.folder,
                )
                self._announce_end(connection, job)

    def judge_again(self, job: str, why: str) -> None:
        """Put back a job whose verdict was complete, but lost its files before publication."""
        with self._database.write() as connection:
            before = {"folder": None} | verdicts.current(connection, job)
            lost = connection.execute(
                update(jobs)
                .where(jobs.c.id == job, jobs.c.state == State.PUBLISHING)
                .values(state=State.PENDING, token=None, lease_until=None, **before)
            )
            if lost.rowcount:
                self._log(connection, job, "judged again", why)

    def release(self, claim: Claim, why: str, delay_s: float = 0.0) -> None:
        """Give the job back untouched, not to be claimed again before `delay_s` seconds have
        passed: this attempt does not count. Raises `LeaseLost`."""
        with self._database.write() as connection:
            self._fenced(
                connection,
                claim,
                state=State.PENDING,
                not_before=self._clock() + delay_s if delay_s else jobs.c.not_before,
                attempts=jobs.c.attempts - 1,
                token=None,
                lease_until=None,
                stage=None,
            )
            self._log(connection, claim.job, "released", clipped(why, MAX_WHY))

    def fail(self, claim: Claim, error: str) -> State:
        """Record a failed attempt; return where that leaves the job. Raises `LeaseLost`.

        `error` may quote an untrusted file: it is made printable, and a long one is clipped.
        """
        with self._database.write() as connection:
            why = clipped(error, MAX_WHY)
            return self._end_attempt(connection, claim.job, claim.token, claim.attempt, why)

    def reclaim(self, *, held: Sequence[str] = (), everything: bool = False) -> list[str]:
        """End the attempts whose lease ran out; return their jobs.

        Args:
            held: tokens that the caller holds itself, and keeps.
            everything: end this home's unexpired leases too. For a starting service that knows
                that it is its home's only one: whoever held them is dead.
        """
        values = {"now": self._clock(), "held": [*held], "holder": self._holder}
        with self._database.write() as connection:
            rows = connection.execute(_expired(everything), values).all()
            for row in rows:
                error = "the service or its worker ended in mid-job"
                self._end_attempt(connection, row.id, row.token, row.attempts, error)
        return [row.id for row in rows]

    def _end_attempt(
        self, connection: Connection, job: str, token: str, attempt: int, error: str
    ) -> State:
        now = self._clock()
        last = attempt >= self.max_attempts
        if last and (before := verdicts.current(connection, job)):
            ended = before | FREED | {"state": State.DONE, "error": error}
            self._fenced_row(connection, job, token, **ended)
            self._log(connection, job, "failed", f"attempt {attempt}: {error}")
            self._end_rerun(connection, job, ATTEMPTS_USED_UP)
            return State.DONE
        state = State.QUARANTINED if last else State.PENDING
        backoff = min(self.backoff_s * 2 ** (attempt - 1), MAX_BACKOFF_S)
        self._fenced_row(
            connection,
            job,
            token,
            state=state,
            holder=self._holder,  # which finishes it, whoever held it before
            not_before=now + backoff,
            finished_at=now if last else None,
            reason=ATTEMPTS_USED_UP if last else None,
            error=error,
            token=None,
            lease_until=None,
            stage=None,
        )
        self._log(connection, job, "failed", f"attempt {attempt}: {error}")
        if last:
            self._log(connection, job, "quarantined", ATTEMPTS_USED_UP)
            self._announce_end(connection, job)
        return state

    def set_folder(self, job: str, folder: str, source: Path) -> None:
        """Note the name of an ended job's folder, and where its video is now."""
        stamp = FileStamp.at(source)
        moved = _whereabouts(source, stamp) if stamp else {}
        with self._database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job).values(folder=folder, **moved))

    # -- by hand -----------------------------------------------------------------------------

    def retry(self, job: str) -> None:
        """Put a quarantined or cancelled job back, with fresh attempts."""
        with self._database.write() as connection:
            self._change_by_hand(
                connection,
                job,
                (State.QUARANTINED, State.CANCELLED),
                "retried",
                state=State.PENDING,
                attempts=0,
                not_before=0.0,
                finished_at=None,
                reason=None,
                folder=None,
            )

    def cancel(self, job: str) -> None:
        """End a job that is pending or running; a running worker loses its lease.

        A job that was being judged again keeps the verdict that it had.
        """
        with self._database.write() as connection:
            _locked(connection, jobs.c.id == job)
            before = verdicts.current(connection, job)
            ended = before or {"finished_at": self._clock()}
            state = State.DONE if before else State.CANCELLED
            values = ended | FREED | {"state": state}
            open_states = (State.PENDING, State.RUNNING)
            self._change_by_hand(connection, job, open_states, "cancelled", **values)
            if before:
                self._end_rerun(connection, job, "cancelled")

    def rerun(self, job: str, detector: str) -> None:
        """Judge a job that has a verdict again, by the detector of this name.

        The verdict stays the current one until there is another. Raises `JobError` when the job
        has none, or its video is not there as it was.
        """
        with self._database.write() as connection:
            row = _locked(connection, jobs.c.id == job)
            if row and row.state == State.DONE and FileStamp.at(row.source) != _stamp(row):
                raise JobError(
                    f"job {job} can't be judged again: its video is no longer at {row.source} as "
                    "it was; drop it into the inbox again after `ddaemon jobs purge`"
                )
            again = {"state": State.PENDING, "attempts": 0, "not_before": 0.0, "error": None}
            self._change_by_hand(connection, job, (State.DONE,), "judged again", **again)
            now = self._clock()
            connection.execute(insert(reruns).values(job=job, detector=detector, asked_at=now))
            self._log(connection, job, "rerun", f"by {detector}", detector=detector)

    def _end_rerun(self, connection: Connection, job: str, why: str) -> None:
        connection.execute(delete(reruns).where(reruns.c.job == job))
        self._log(connection, job, "rerun ended", f"without a new verdict: {why}")

    def purge(self, older_than_s: float, states: Sequence[State] = ENDED) -> int:
        """Forget ended jobs; the outbox, the quarantine and the audit log stay as they are.
        Returns how many."""
        now = self._clock()
        chosen = (
            select(jobs.c.id)
            .where(
                jobs.c.state.in_([state for state in states if state in ENDED]),
                jobs.c.finished_at <= now - older_than_s,
            )
            .with_for_update(skip_locked=True)  # one that is being changed has not ended long ago
        )
        old = (
            delete(jobs)
            .where(jobs.c.id.in_(chosen))
            .returning(jobs.c.id, jobs.c.sha256, jobs.c.state)
        )
        with self._database.write() as connection:
            gone = connection.execute(old).all()
            for job, sha256, state in gone:
                audit.append(connection, "forgotten", job, {"text": state}, sha256=sha256, at=now)
        return len(gone)

    def _change_by_hand(
        self,
        connection: Connection,
        job: str,
        allowed: Sequence[State],
        kind: str,
        **values: Any,
    ) -> None:
        row = _locked(connection, jobs.c.id == job)
        if row is None:
            raise JobError(f"there is no job {job!r} any more")
        if row.state not in allowed:
            raise JobError(
                f"job {job} is {row.state}; only a job that is {' or '.join(allowed)} can be {kind}"
            )
        connection.execute(update(jobs).where(jobs.c.id == job).values(values))
        self._log(connection, job, kind, "by hand")

    # -- what is left to do ------------------------------------------------------------------

    def audit_head(self) -> audit.LogHead:
        """The audit log's last entry."""
        with self._database.read() as connection:
            return audit.head_of(connection)

    def half_done(self) -> Sequence[JobRow]:
        """This home's jobs whose folder may not be in place yet, because the service died in
        between."""
        unfiled = (jobs.c.state == State.QUARANTINED) & jobs.c.folder.is_(None)
        left = or_(jobs.c.state == State.PUBLISHING, unfiled)
        with self._database.read() as connection:
            return connection.execute(select(jobs).where(jobs.c.holder == self._holder, left)).all()

    def open_jobs(self) -> int:
        """How many jobs have not ended."""
        with self._database.read() as connection:
            left = [state for state in State if state not in ENDED]  # `not in` reads every job
            count = select(func.count()).select_from(jobs).where(jobs.c.state.in_(left))
            return connection.execute(count).scalar_one()

    # -- helpers -----------------------------------------------------------------------------

    def _fenced(self, connection: Connection, claim: Claim, **values: Any) -> None:
        self._fenced_row(connection, claim.job, claim.token, **values)

    def _fenced_row(self, connection: Connection, job: str, token_held: str, **values: Any) -> None:
        changed = connection.execute(
            update(jobs)
            .where(jobs.c.id == job, jobs.c.token == token_held, jobs.c.state == State.RUNNING)
            .values(values)
        )
        if not changed.rowcount:
            raise LeaseLost(f"job {job} is no longer held under this token")

    def _announce_end(self, connection: Connection, job: str) -> None:
        self.on_ended(connection, connection.execute(select(jobs).where(jobs.c.id == job)).one())

    def _log(
        self,
        connection: Connection,
        job: str,
        kind: str,
        detail: str,
        *,
        sha256: str | None = None,
        **facts: Any,
    ) -> None:
        """Record an event of the job for people to read, and with `facts` in the audit log."""
        now = self._clock()
        event = {"job": job, "at": now, "kind": kind, "detail": detail}
        connection.execute(insert(events), event)
        audit.append(connection, kind, job, {"text": detail, **facts}, sha256=sha256, at=now)


# Both are built once: an idle service runs them every second, and building takes longer.
@cache
def _take_next() -> Update:
    """Takes `now`, `latest` (no backoff lasts longer), `new_token`, `new_holder`, `new_lease`."""
    # A wait longer than any backoff does not count: the clock was set back meanwhile.
    is_due = or_(jobs.c.not_before <= bindparam("now"), jobs.c.not_before > bindparam("latest"))
    turn = (
        select(jobs.c.id)
        .where(jobs.c.state == State.PENDING, is_due)
        .order_by(jobs.c.priority.desc(), jobs.c.received_at, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # PostgreSQL: each claimer gets a different one
        .scalar_subquery()
    )
    return (
        update(jobs)
        .where(jobs.c.id == turn)
        .values(
            state=State.RUNNING,
            token=bindparam("new_token"),
            holder=bindparam("new_holder"),
            lease_until=bindparam("new_lease"),
            attempts=jobs.c.attempts + 1,
            started_at=bindparam("now"),
            stage=None,
            percent=0.0,
        )
        .returning(*jobs.c)
    )


@cache
def _expired(everything: bool) -> Select[Any]:
    """Attempts whose lease ran out by `now`; with `everything`, also all of `holder`. Those under
    the tokens `held` are left out."""
    expired = jobs.c.lease_until < bindparam("now")
    if everything:
        expired |= jobs.c.holder == bindparam("holder")
    is_free = jobs.c.token.not_in(bindparam("held", expanding=True))
    return (
        select(jobs)
        .where(jobs.c.state == State.RUNNING, is_free, expired)
        .order_by(jobs.c.id)
        .with_for_update(skip_locked=True, key_share=True)
    )


def _stamp(row: JobRow) -> FileStamp:
    return FileStamp(row.bytes, row.mtime_ns, row.inode)


def _whereabouts(path: Path, stamp: FileStamp) -> dict[str, Any]:
    return {"source": path, "mtime_ns": stamp.mtime_ns, "inode": stamp.inode}


def _locked(connection: Connection, which: ColumnElement[bool]) -> Any:
    """The job, locked until this transaction ends; None when there is none."""
    wanted = select(jobs).where(which).with_for_update(key_share=True)
    return connection.execute(wanted).one_or_none()
