"""Notices about ended jobs: each row is one delivery to one target.

A row is written in the transaction that ends the job, so it can't be lost between the two; it is
marked delivered only after the target confirmed it. So delivery is at least once: after a crash in
between, the target receives the same delivery id again.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, insert, or_, select, update

from .database import Database
from .place import ALONE
from .states import State
from .tables import jobs, notices

WAITING, DELIVERED, GIVEN_UP = "waiting", "delivered", "given_up"
MAX_ANSWER = 500  # characters of it that are kept

NoticeRow = Row[Any]


def plan(
    connection: Connection,
    delivery: str,
    job: str,
    event: str,
    target: str,
    payload: str,
    at: float,
    holder: str | None = None,
) -> None:
    """Write, in the caller's transaction, a notice for `target` that the home `holder` delivers."""
    connection.execute(
        insert(notices).values(
            id=delivery,
            job=job,
            event=event,
            target=target,
            payload=payload,
            state=WAITING,
            attempts=0,
            not_before=at,
            created_at=at,
            holder=holder,
        )
    )


class Notices:
    """The deliveries of one database. `clock` gives seconds since 1970.

    Each delivery is made by the home `holder` that planned it: others need not know its target.
    """

    def __init__(
        self,
        database: Database,
        *,
        holder: str = ALONE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._holder = holder
        self._clock = clock

    def due(self, busy: Sequence[str] = ()) -> list[NoticeRow]:
        """The oldest notice whose time has come, for each target that is not `busy`.

        The notice of a quarantined job waits until the job's folder is there to be looked at.
        """
        unfiled = exists().where(
            jobs.c.id == notices.c.job,
            jobs.c.state == State.QUARANTINED,
            jobs.c.folder.is_(None),
        )
        turn = func.row_number().over(
            partition_by=notices.c.target, order_by=(notices.c.created_at, notices.c.id)
        )
        ready = (
            select(notices, turn.label("turn"))
            .where(
                notices.c.state == WAITING,
                notices.c.holder == self._holder,
                # An untried notice is due at once, even if the clock was set back.
                or_(notices.c.not_before <= self._clock(), notices.c.attempts == 0),
                notices.c.target.not_in(busy),
                ~unfiled,
            )
            .subquery()
        )
        with self._database.read() as connection:
            return list(connection.execute(select(ready).where(ready.c.turn == 1)).all())

    def begin(self, delivery: str) -> None:
        """Count an attempt before it is made, so that one that kills the service counts too."""
        self._change(delivery, attempts=notices.c.attempts + 1)

    def deliver(self, delivery: str, answer: str) -> None:
        """Mark a notice that the target accepted."""
        self._change(
            delivery, state=DELIVERED, answer=answer[:MAX_ANSWER], delivered_at=self._clock()
        )

    def put_off(self, delivery: str, answer: str, seconds: float) -> None:
        """Record a failed attempt; the next one is made no earlier than `seconds` from now."""
        self._change(delivery, answer=answer[:MAX_ANSWER], not_before=self._clock() + seconds)

    def give_up(self, delivery: str, answer: str) -> None:
        """Record the last failed attempt: there is no other, unless a person asks for it."""
        self._change(delivery, state=GIVEN_UP, answer=answer[:MAX_ANSWER])

    def retry(self) -> int:
        """Make every undelivered notice due now, with no attempts counted. Returns how many."""
        with self._database.write() as connection:
            changed = connection.execute(
                update(notices)
                .where(notices.c.state != DELIVERED)
                .values(state=WAITING, attempts=0, not_before=self._clock())
            )
        return changed.rowcount

    def forget(self, older_than_s: float) -> None:
        """Forget what was delivered longer ago than this."""
        with self._database.write() as connection:
            connection.execute(
                delete(notices).where(
                    notices.c.state == DELIVERED,
                    notices.c.holder == self._holder,
                    notices.c.delivered_at <= self._clock() - older_than_s,
                )
            )

    def _change(self, delivery: str, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(notices)
                .where(notices.c.id == delivery, notices.c.state == WAITING)
                .values(values)
            )
