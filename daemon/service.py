"""The service: one loop over intake, dispatcher and publisher, until it is told to stop.

Whatever dies takes the service down with a non-zero exit, so that the service manager restarts
it: a thread that is missed silently would be a video that is never judged.
"""

import json
import logging
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .. import __version__
from ..storage.audit import append
from ..storage.database import Database
from ..storage.errors import ConfigError, DatabaseLost
from ..storage.notices import Notices
from ..storage.queue import Queue
from ..storage.registry import Registry
from ..storage.times import iso
from .dispatch.dispatcher import Dispatcher
from .home.config import Config, read_config
from .home.folders import inbox_path, outbox_path
from .home.home import Home
from .intake.intake import Intake
from .notices.notifier import Notifier
from .notices.planner import Planner, targets_of
from .publishing.names import printable
from .publishing.publisher import Publisher, clean_work
from .systemd import Notify, notifier, watchdog_interval
from .wakeup import Wakeup

logger = logging.getLogger(__name__)

TICK_S = 1.0  # at least so often, whatever happens
BUSY_TICK_S = 0.25  # while a job runs: limits are checked so often
NOTE_EVERY_S = 1.0


class Service:
    """One service on one home. `run` returns when it was stopped or, with `drain`, is done."""

    def __init__(self, home: Home, config: Config, *, drain: bool = False) -> None:
        self._home = home
        self._config = config
        self._drain = drain
        self._wakeup = Wakeup()
        self._stopped_by: int | None = None  # a signal's number
        self._reloading = False
        self._has_started = False
        self._trouble: str | None = None  # why the queue can't be used at present
        self._started_at = iso(time.time())
        self._note: dict[str, Any] = {}
        self._is_unnoted = False  # the note could not be written
        self._next_note = 0.0
        self._next_ping = 0.0
        self._notify: Notify = notifier()
        self._ping_every = watchdog_interval()

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
        name = self._home.name()
        self._queue = Queue(self._database, holder=name)
        self._notifier = Notifier(Notices(self._database, holder=name))
        self._configure_notices(self._config)
        self._registry = Registry(self._home.detectors)
        self._publisher = Publisher(
            self._queue,
            self._home.work,
            outbox_path(self._home, self._config),
            self._home.quarantine,
            move_original=self._config.outbox.original == "move",
            on_done=self._on_published,
        )
        inbox = inbox_path(self._home, self._config)
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
            readable=(inbox_path(self._home, self._config), outbox_path(self._home, self._config)),
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
        self._listen()
        self._queue.adopt()
        for job in self._queue.reclaim(everything=True):
            logger.warning("job %s was left in mid-work by a service that died", job)
        clean_work(self._home.work, self._queue)
        self._dispatcher.warm_up()
        self._log_start()
        self._publisher.start()
        self._notifier.start()
        self._intake.start()
        self._notify("READY=1")
        logger.info("ready, detector %s", self._registry.active_name())

    def _log_start(self) -> None:
        detector = self._registry.active()
        what = {"version": __version__, "detector": detector.name}
        self._log("service started", what, detector.sha256)
        self._has_started = True

    def _clean_up(self) -> None:
        """A worker of a service that was killed may outlive it by a second, and write."""
        try:
            clean_work(self._home.work, self._queue)
        except DatabaseLost as error:
            logger.error("attempts' folders stay until the next start: %s", error)  # noqa: TRY400

    def _log_stop(self) -> None:
        try:
            self._log("service stopped", {"version": __version__})
        except DatabaseLost as error:
            logger.error("the audit log is not told of the stop: %s", error)  # noqa: TRY400

    def _log(self, kind: str, detail: dict[str, Any], sha256: str | None = None) -> None:
        with self._database.write() as connection:
            append(connection, kind, None, detail, sha256=sha256)

    def _wind_down(self) -> None:
        """Let the running jobs end within the grace time."""
        if self._stopped_by is not None:
            logger.info("%s: stopping", signal.Signals(self._stopped_by).name)
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
            if self._has_started:
                steps.callback(self._log_stop)
            steps.callback(self._clean_up)
            steps.callback(self._home.service_note.unlink, missing_ok=True)
            steps.callback(self._notifier.stop)
            if self._publisher.is_alive():
                steps.callback(self._publisher.stop)
            steps.callback(self._intake.stop)
            steps.callback(self._dispatcher.stop)

    def _listen(self) -> None:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    # A handler interrupts the loop wherever it is, in the middle of writing a line of the log, too:
    # it takes no lock and writes nothing.
    def _on_stop(self, number: int, _frame: object) -> None:
        self._stopped_by = number
        self._wakeup.wake()

    def _on_reload(self, _number: int, _frame: object) -> None:
        self._reloading = True
        self._wakeup.wake()

    # -- the loop ----------------------------------------------------------------------------

    def _loop(self) -> None:
        while self._stopped_by is None:
            if self._reloading:
                self._reload()
            self._tick()
            if self._drain and self._trouble is None and self._is_done():
                logger.info("nothing is left to do")
                return
            self._wakeup.wait(self._pause())

    def _tick(self) -> None:
        self._check_threads()
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

    def _check_threads(self) -> None:
        self._intake.check_alive()
        if not self._publisher.is_alive():
            raise RuntimeError("the publisher's thread died")
        if not self._notifier.is_alive():
            raise RuntimeError("the notifier's thread died")

    def _is_done(self) -> bool:
        return (
            self._intake.is_idle()
            and not self._queue.open_jobs()
            and not self._queue.half_done()
            and self._notifier.is_idle()
        )

    def _pause(self) -> float:
        longest = BUSY_TICK_S if self._dispatcher.running() else TICK_S
        moment = self._intake.next_moment()
        soon = longest if moment is None else moment - time.monotonic()
        return min(max(soon, 0.01), longest)

    def _reload(self) -> None:
        self._reloading = False
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
        now = time.monotonic()
        if self._ping_every is not None and now >= self._next_ping:
            self._next_ping = now + self._ping_every
            self._notify("WATCHDOG=1")
        if now >= self._next_note:
            self._next_note = now + NOTE_EVERY_S
            self._write_note()

    def _write_note(self) -> None:
        trouble = [fault for fault in self._troubles() if fault]
        note = {
            "pid": os.getpid(),
            "version": __version__,
            "started_at": self._started_at,
            "arrivals": self._intake.counts(),
            "trouble": trouble,
        }
        if note == self._note:
            return
        try:
            _write_whole(self._home.service_note, json.dumps(note))
        except OSError as error:  # a full disk: it is tried again with a later tick
            self._say_unnoted(error)
            return
        self._note, self._is_unnoted = note, False
        running = f"{self._dispatcher.running()} job(s) running"
        # A line's end would begin another assignment, say of WATCHDOG.
        self._notify(f"STATUS={printable('; '.join(trouble) or running)}")

    def _say_unnoted(self, error: OSError) -> None:
        if not self._is_unnoted:
            logger.error("%s can't be written: %s", self._home.service_note, error)
        self._is_unnoted = True

    def _troubles(self) -> tuple[str | None, ...]:
        return (
            self._trouble,
            self._intake.trouble,
            self._dispatcher.trouble,
            self._publisher.fault,
        )


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
