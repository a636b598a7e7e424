"""From a file in the inbox to a job in the queue."""

import logging
import queue as queues
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ..stages.process import WorkerProcess
from ..storage.content import FileStamp, file_name
from ..storage.errors import DatabaseLost
from ..storage.queue import Arrival, Queue
from .arrivals import Arrivals, Phase
from .config import Config
from .confining import confine_examiner
from .inbox import Inbox
from .names import printable
from .watcher import Watcher
from .worker import VideoChanged, examine, fingerprint

logger = logging.getLogger(__name__)

EXAMINER_CALLS = 500  # then a fresh process, so that no leak of a decoder library adds up
WAITING = "waiting"  # the readiness of a container that is still being written

Examination = tuple[str, str, str, FileStamp]


class Intake:
    """Watches the inbox, settles, examines, enqueues. All but the watcher runs in the caller.

    `on_hint` is called, from any thread, when there is something to do; `on_known` when a file
    came whose content the queue had already: where originals are moved, it can follow its job.

    Files are opened and hashed in a process of their own: opening a container is decoding, and
    the service must survive it.
    """

    def __init__(
        self,
        inbox: Path,
        queue: Queue,
        config: Config,
        *,
        on_hint: Callable[[], None],
        on_known: Callable[[], None],
    ) -> None:
        self._inbox = Inbox(inbox, config.inbox.ignore)
        self._queue = queue
        self._on_hint = on_hint
        self._on_known = on_known
        self._arrivals = Arrivals(config.inbox.settle, config.inbox.patience)
        self._known = queue.known_files()
        self._hints: queues.SimpleQueue[Path] = queues.SimpleQueue()
        self._examiner = WorkerProcess(EXAMINER_CALLS, confine_examiner(config, inbox))
        self._examined_since = 0.0
        self._due: list[tuple[Path, FileStamp]] = []
        self._examined: tuple[Path, FileStamp, Future[Examination]] | None = None
        self._watcher: Watcher | None = None
        self._watched: tuple[int, int] | None = None  # the folder that the watcher is for
        self._next_scan = 0.0
        self.trouble: str | None = None  # why nothing is taken at present
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings."""
        self._config = config
        self._arrivals.settle = config.inbox.settle
        self._arrivals.patience = config.inbox.patience
        self._inbox = Inbox(self._inbox.path, config.inbox.ignore)
        self._examiner.confinement = confine_examiner(config, self._inbox.path)

    def start(self) -> None:
        """Begin to watch; what lies there already is found by the first look."""
        self._follow_mounts()

    def stop(self) -> None:
        self._unwatch()
        self._examiner.stop()

    def tick(self) -> None:
        """Do what is due now. Never blocks."""
        now = time.monotonic()
        if not self._is_open():
            return
        self._take_hints(now)
        if now >= self._next_scan:
            self._scan(now)
        self._collect(now)
        self._due += self._arrivals.due(now)
        self._examine_next()

    def next_moment(self) -> float | None:
        """When something will be due, by the monotonic clock."""
        moment = self._arrivals.next_due()
        return self._next_scan if moment is None else min(moment, self._next_scan)

    def is_idle(self) -> bool:
        """Whether nothing is on its way in."""
        return not len(self._arrivals) and self._hints.empty() and self._next_scan > 0

    def counts(self) -> dict[str, int]:
        """How many files are on their way in, by phase."""
        return {
            "settling": self._arrivals.count(Phase.SETTLING),
            "examined": self._arrivals.count(Phase.EXAMINED),
            "waiting": self._arrivals.count(Phase.WAITING),
        }

    def check_alive(self) -> None:
        """Raise RuntimeError when the watcher's thread died: events would be missed silently."""
        same_folder = self._watched is not None and self._watched == self._inbox.identity()
        if same_folder and self._watcher is not None and not self._watcher.is_alive():
            raise RuntimeError("the inbox's watcher died")

    # -- looking -----------------------------------------------------------------------------

    def _is_open(self) -> bool:
        self.trouble = self._find_trouble()
        self._follow_mounts()
        return self.trouble is None

    def _find_trouble(self) -> str | None:
        if self._inbox.identity() is None:
            return f"the inbox {self._inbox.path} is not there; nothing is taken until it is back"
        free = shutil.disk_usage(self._inbox.path).free
        if free < self._config.disk.min_free_mb * 1_000_000:
            return (
                f"only {free // 1_000_000} MB are free (disk.min_free_mb is "
                f"{self._config.disk.min_free_mb}); nothing is taken until there is more room"
            )
        return None

    def _follow_mounts(self) -> None:
        """A watch belongs to one folder: when another is mounted in its place, watch that one."""
        found = self._inbox.identity()
        if found == self._watched:
            return
        self._unwatch()
        if found is not None:
            self._watch()
            self._watched = found

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher, self._watched = None, None

    def _watch(self) -> None:
        mode = self._config.inbox.watch
        polling = mode == "polling" or (mode == "auto" and not self._inbox.sends_events())
        self._watcher = Watcher(self._inbox.path, self._hint, polling=polling)
        self._watcher.start()
        self._next_scan = 0.0
        logger.info("watching %s (%s)", self._inbox.path, "polling" if polling else "events")

    def _hint(self, path: Path) -> None:
        self._hints.put(path)
        self._on_hint()

    def _take_hints(self, now: float) -> None:
        paths = set()
        while not self._hints.empty():
            paths.add(self._hints.get())
        for path in paths:
            self._look(path, now)

    def _look(self, path: Path, now: float) -> None:
        stamp = self._inbox.look(path)
        if stamp is not None:
            self._see(path, stamp, now)
        elif self._inbox.wants(path) and path.is_dir() and not path.is_symlink():
            self._next_scan = 0.0  # a folder that was moved in brings no event for its files
        else:
            self._lose(path)

    def _see(self, path: Path, stamp: FileStamp, now: float) -> None:
        if self._known.get(path) != stamp:
            self._arrivals.see(path, stamp, now)

    def _lose(self, path: Path) -> None:
        self._arrivals.lose(path)
        if self._known.pop(path, None) is not None:
            self._queue.forget_file(path)

    def _scan(self, now: float) -> None:
        """The truth: what events missed is found here."""
        try:
            present = dict(self._inbox.scan())
        except OSError as error:
            self.trouble = f"the inbox can't be read: {error}"
            return
        for path, stamp in present.items():
            self._see(path, stamp, now)
        self._arrivals.keep_only(present)
        for path in [path for path in self._known if path not in present]:
            self._lose(path)
        self._next_scan = now + self._config.inbox.rescan

    # -- examining ---------------------------------------------------------------------------

    def _examine_next(self) -> None:
        while self._examined is None and self._due:
            path, stamp = self._due.pop(0)
            now = time.monotonic()
            self._look(path, now)  # the last look before it is taken for complete
            if self._arrivals.is_current(path, stamp):
                self._examined = (path, stamp, self._submit(examine, path))

    def _submit(self, call: Callable[[Path], Examination], path: Path) -> "Future[Examination]":
        future = self._examiner.submit(call, path)
        self._examined_since = time.monotonic()
        future.add_done_callback(lambda _future: self._on_hint())
        return future

    def _collect(self, now: float) -> None:
        if self._examined is None or not self._examined[2].done():
            self._end_what_takes_too_long(now)
            return
        path, stamp, future = self._examined
        self._examined = None
        if not self._arrivals.is_current(path, stamp):
            return
        try:
            readiness, why, digest, examined = future.result()
        except BrokenProcessPool:
            # A container that kills its reader is for the queue, whose attempts are counted.
            logger.warning("%s ended the process that opened it", printable(path.name))
            self._examined = (path, stamp, self._submit(fingerprint, path))
            return
        except (VideoChanged, FileNotFoundError) as error:
            logger.info("%s is looked at again: %s", printable(path.name), error)
            self._arrivals.again(path, stamp, now)
            return
        except OSError as error:
            logger.warning("%s can't be read, and waits: %s", printable(path.name), error)
            self._arrivals.wait(path, stamp, now)
            return
        if readiness == WAITING and not self._arrivals.is_patience_over(path, now):
            logger.info("%s waits: %s", printable(path.name), why)
            self._arrivals.wait(path, stamp, now)
            return
        self._accept(path, examined, digest)

    def _end_what_takes_too_long(self, now: float) -> None:
        limits = self._config.workers
        is_late = now - self._examined_since > limits.job_seconds
        is_large = self._examiner.memory_bytes() > limits.memory_mb * 1_000_000
        if self._examined is not None and (is_late or is_large):
            self._examiner.kill()

    def _accept(self, path: Path, stamp: FileStamp, digest: str) -> None:
        try:
            job, is_new = self._queue.enqueue(Arrival(path, stamp, digest, time.time()))
        except DatabaseLost:
            self._arrivals.again(path, stamp, time.monotonic())
            raise
        self._known[path] = stamp
        self._arrivals.lose(path)
        name = printable(file_name(path))
        logger.info("%s is %s job %s", name, "new" if is_new else "the content of", job)
        if not is_new:
            self._on_known()
