"""The service: one loop over intake, dispatcher and publisher, until it is told to stop.

Whatever dies takes the service down with a non-zero exit, so that the service manager restarts
it: a thread that is missed silently would be a video that is never judged.
"""

import logging
import time
from contextlib import ExitStack
from pathlib import Path

from ..storage.database import Database
from ..storage.errors import ConfigError, DatabaseLost
from ..storage.notices import Notices
from ..storage.queue import Queue
from ..storage.registry import Registry
from ..storage.text import printable
from .dispatch.dispatcher import Dispatcher
from .home.config import Config, read_config
from .home.folders import inbox_path, outbox_path
from .home.home import Home
from .intake.intake import Intake
from .notices.notifier import Notifier
from .notices.planner import Planner, targets_of
from .publishing.publisher import Publisher, clean_work
from .service_log import ServiceLog
from .service_note import ServiceNote
from .signals import Signals
from .systemd import Notify, Watchdog, notifier, watchdog_interval
from .wakeup import Wakeup

logger = logging.getLogger(__name__)

TICK_S = 1.0  # at least so often, whatever happens
BUSY_TICK_S = 0.25  # while a job runs: limits are checked so often


class Service:
    """One service on one home. `run` returns when it was stopped or, with `drain`, is done."""

    def __init__(self, home: Home, config: Config, *, drain: bool = False) -> None:
        self._home = home
        self._config = config
        self._drain = drain
        self._wakeup = Wakeup()
        self._signals = Signals(self._wakeup.wake)
        self._trouble: str | None = None  # why the queue can't be used at present
        self._note = ServiceNote(home.service_note)
        self._notify: Notify = notifier()
        self._watchdog = Watchdog(self._notify, watchdog_interval())

    def run(self) -> None:
        """Be the home's service. Raises `HomeError` when another one is, `UserError` when no job
        could run, RuntimeError when a thread died."""
        with self._home.hold():
            self._open()
            try:
                self._start()
                self._loop()
                self._wind_down()
            finally:
                self._close()

    # -- beginning and end -------------------------------------------------------------------

    def _open(self) -> None:
        self._database = Database.open(self._home.database)
        self._log = ServiceLog(self._database)
        name = self._home.name()
        self._queue = Queue(self._database, holder=name)
        self._notifier = Notifier(Notices(self._database, holder=name))
        self._configure_notices(self._config)
        self._registry = Registry(self._home.detectors)
        inbox, outbox = inbox_path(self._home, self._config), outbox_path(self._home, self._config)
        self._publisher = Publisher(
            self._queue,
            self._home.work,
            outbox,
            self._home.quarantine,
            move_original=self._config.outbox.original == "move",
            on_done=self._on_published,
        )
        self._intake = Intake(
            inbox,
            self._queue,
            self._config,
            on_hint=self._wakeup.wake,
            on_known=self._publisher.wake,
        )
        self._dispatcher = Dispatcher(
            self._queue,
            self._registry,
            self._home.work,
            self._config,
            # A video that is judged again may lie beside its first verdict.
            readable=(inbox, outbox),
            on_event=self._wakeup.wake,
            on_verdict=self._publisher.wake,
            on_changed=self._intake.doubt,
            is_away=self._intake.is_away,
        )

    def _configure_notices(self, config: Config) -> None:
        """Before anything may end a job: reclaiming what a dead service held can."""
        outbox = outbox_path(self._home, self._config)
        targets = targets_of(config.notify, outbox, self._home.quarantine)
        self._queue.on_ended = Planner(config.notify, targets, outbox)
        self._notifier.configure(config.notify, targets)

    def _on_published(self) -> None:
        self._notifier.wake()
        self._wakeup.wake()

    def _start(self) -> None:
        self._signals.listen()
        self._queue.adopt()
        for job in self._queue.reclaim(everything=True):
            logger.warning("job %s was left in mid-work by a service that died", job)
        clean_work(self._home.work, self._queue)
        self._dispatcher.warm_up()
        self._log.started(self._registry.active())
        self._publisher.start()
        self._notifier.start()
        self._intake.start()
        self._notify("READY=1")
        logger.info("ready, detector %s", self._registry.active_name())

    def _wind_down(self) -> None:
        """Let the running jobs end within the grace time."""
        if self._signals.stopped_by is not None:
            logger.info("%s: stopping", self._signals.stopped_by)
        self._notify("STOPPING=1")
        deadline = time.monotonic() + self._config.workers.grace
        while self._dispatcher.running() and time.monotonic() < deadline:
            self._wakeup.wait(BUSY_TICK_S)
            self._do_due(accepting=False)
            self._tell()

    def _close(self) -> None:
        """Each step is done, whatever the others raise; the last one added comes first."""
        with ExitStack() as steps:
            steps.callback(self._database.close)
            steps.callback(self._log.stopped)
            steps.callback(_clean_up, self._home.work, self._queue)
            steps.callback(self._note.remove)
            steps.callback(self._notifier.stop)
            steps.callback(self._publisher.stop)
            steps.callback(self._intake.stop)
            steps.callback(self._dispatcher.stop)

    # -- the loop ----------------------------------------------------------------------------

    def _loop(self) -> None:
        while self._signals.stopped_by is None:
            if self._signals.take_reload():
                self._reload()
            self._tick()
            if self._drain and self._trouble is None and self._is_done():
                logger.info("nothing is left to do")
                return
            self._wakeup.wait(self._pause())

    def _tick(self) -> None:
        for thread in (self._intake, self._publisher, self._notifier):
            thread.check_alive()
        self._database.check_in_place()
        self._do_due(accepting=True)
        self._tell()

    def _do_due(self, *, accepting: bool) -> None:
        try:
            if accepting:
                self._intake.tick()
            self._dispatcher.tick(accepting=accepting)
            self._trouble = None
        except DatabaseLost as error:  # what was not done now is done with a later tick
            self._say_lost(error)

    def _say_lost(self, error: DatabaseLost) -> None:
        if self._trouble is None:
            logger.error("%s; it is tried again", error)
        self._trouble = str(error)

    def _is_done(self) -> bool:
        return (
            self._intake.is_idle()
            and not self._queue.open_jobs()
            and not self._queue.half_done()
            and self._notifier.is_idle()
        )

    def _pause(self) -> float:
        longest = BUSY_TICK_S if self._dispatcher.running() else TICK_S
        soon = self._intake.next_moment() - time.monotonic()
        return min(max(soon, 0.01), longest)

    def _reload(self) -> None:
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = read_config(self._home.config)
        except ConfigError as error:
            logger.error("the old settings stay in force: %s", error)  # noqa: TRY400
        else:
            self._take_over(config)
        self._notify("READY=1")

    def _take_over(self, config: Config) -> None:
        fixed = [(c.inbox.path, c.inbox.watch, c.outbox.path) for c in (self._config, config)]
        if fixed[0] != fixed[1]:
            logger.warning("inbox.path, inbox.watch and outbox.path change with a restart only")
        self._configure_notices(config)
        self._config = config
        self._intake.configure(config)
        self._dispatcher.configure(config)
        self._publisher.move_original = config.outbox.original == "move"
        logging.getLogger("ddaemon").setLevel(config.log.level.upper())
        logger.info("settings read again")

    # -- telling -----------------------------------------------------------------------------

    def _tell(self) -> None:
        self._watchdog.ping_if_due()
        if self._note.is_due():
            self._update_note()

    def _update_note(self) -> None:
        parts = (self._intake.trouble, self._dispatcher.trouble, self._publisher.fault)
        trouble = [fault for fault in (self._trouble, *parts) if fault]
        if self._note.update(self._intake.counts(), trouble):
            running = f"{self._dispatcher.running()} job(s) running"
            # A line's end would begin another assignment, say of WATCHDOG.
            self._notify(f"STATUS={printable('; '.join(trouble) or running)}")


def _clean_up(work: Path, queue: Queue) -> None:
    """A worker of a service that was killed may outlive it by a second, and write."""
    try:
        clean_work(work, queue)
    except DatabaseLost as error:
        logger.error("attempts' folders stay until the next start: %s", error)  # noqa: TRY400
