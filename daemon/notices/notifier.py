"""Delivers notices, in a thread of its own.

The thread only picks what is due; each delivery runs in a helper thread, one at a time for each
target, so a target that hangs delays only itself, and no job ever waits for a delivery.
"""

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from ...storage.errors import DatabaseLost
from ...storage.notices import NoticeRow, Notices
from ..home.config import NotifySettings
from ..woken_thread import WokenThread
from .delivery_result import DeliveryResult
from .planner import Target

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0  # for what becomes due, or was put back by `ddaemon notify retry`
MAX_BACKOFF_S = 3600.0
MAX_RETRY_AFTER_S = 6 * 3600.0  # a target may ask for a pause, but not for ever
JITTER = 0.2  # many notices that failed together must not all come back together
HELPERS = 32
KEEP_DELIVERED_S = 30 * 86_400.0


class Notifier(WokenThread):
    """Delivers what is due whenever it is woken, and every few seconds.

    Args:
        notices: the notices to deliver.
        chance: a random number of 0..1, for the jitter.
    """

    def __init__(self, notices: Notices, *, chance: Callable[[], float] = random.random) -> None:
        super().__init__("notifier")
        self._notices = notices
        self._chance = chance
        self._targets: dict[str, Target] = {}
        self._settings = NotifySettings()
        self._busy: set[str] = set()
        self._fault: BaseException | None = None  # an exception that no target can cause
        self._helpers = ThreadPoolExecutor(HELPERS, thread_name_prefix="notice")

    def configure(self, settings: NotifySettings, targets: Sequence[Target]) -> None:
        """Take over changed settings; deliveries that are under way keep theirs."""
        self._settings = settings
        self._targets = {target.key: target for target in targets}
        self.wake()

    def start(self) -> None:
        self._notices.forget(KEEP_DELIVERED_S)
        super().start()

    def is_idle(self) -> bool:
        """Whether nothing is due or under way; what failed may still wait for its next attempt."""
        return not self._busy and not (self._targets and self._notices.due())

    def stop(self) -> None:
        """Let deliveries under way end; the rest is delivered after the next start."""
        super().stop()
        self._helpers.shutdown(wait=True)

    def deliver_due(self) -> None:
        """Begin a delivery to every target that has something due and is not busy."""
        for row in self._notices.due(tuple(self._busy)):
            self._busy.add(row.target)
            self._helpers.submit(self._deliver, row).add_done_callback(self._ended)

    def _ended(self, delivery: Future[None]) -> None:
        if fault := delivery.exception():
            logger.error("a delivery broke", exc_info=fault)
            self._fault = fault
        self.wake()

    def _longest_pause_s(self) -> float | None:
        return LOOK_EVERY_S if self._targets else None

    def _round(self) -> None:
        if self._fault is not None:
            raise self._fault  # not a target's fault but ours: the service ends, and logs why
        if self._targets and not self._stopping:
            self._deliver_due_or_log()

    def _deliver_due_or_log(self) -> None:
        try:
            self.deliver_due()
        except DatabaseLost as error:
            logger.error("no notice can be delivered at present: %s", error)  # noqa: TRY400

    def _deliver(self, row: NoticeRow) -> None:
        try:
            self._settle(row, *self._try(row))
        except DatabaseLost as error:  # it stays due
            logger.error("notice %s: %s", row.id, error)  # noqa: TRY400
        finally:
            self._busy.discard(row.target)

    def _try(self, row: NoticeRow) -> tuple[str, DeliveryResult]:
        target = self._targets.get(row.target)
        if target is None:
            return row.target, DeliveryResult(
                False, "no such target in the settings any more", final=True
            )
        if row.attempts >= self._settings.attempts:
            return target.label, DeliveryResult(
                False, row.answer or "no answer was seen", final=True
            )
        self._notices.begin(row.id)
        return target.label, target.deliver(row.id, row.event, row.payload, row.attempts + 1)

    def _settle(self, row: NoticeRow, label: str, answer: DeliveryResult) -> None:
        attempt = row.attempts + 1
        if answer.ok:
            self._notices.deliver(row.id, answer.text)
            logger.info("job %s: told %s (%s)", row.job, label, answer.text)
        elif answer.final or attempt >= self._settings.attempts:
            self._notices.give_up(row.id, answer.text)
            logger.error(
                "job %s: %s is not told: %s; `ddaemon notify retry` tries again",
                row.job, label, answer.text,
            )  # fmt: skip
        else:
            wait = pause(attempt, self._settings.backoff, answer.retry_after, self._chance())
            self._notices.put_off(row.id, answer.text, wait)
            logger.warning("job %s: %s: %s; again in %.0f s", row.job, label, answer.text, wait)


def pause(attempt: int, backoff: float, retry_after: float | None, chance: float) -> float:
    """Seconds until the next attempt: doubled each time, spread by +-20 %, and not sooner than the
    target asked for, within a bound."""
    spread = 1 + JITTER * (2 * chance - 1)
    wait = min(backoff * 2.0 ** (attempt - 1), MAX_BACKOFF_S) * spread
    return max(wait, min(retry_after or 0.0, MAX_RETRY_AFTER_S))
