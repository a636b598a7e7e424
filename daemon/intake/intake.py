"""From a file in the inbox to a job in the queue."""

import logging
import queue as queues
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from ...storage.content import FileStamp, file_name
from ...storage.errors import DatabaseLost
from ...storage.queue import Arrival, Queue
from ..dispatch.confining import confine_examiner
from ..dispatch.worker import VideoChanged
from ..home.config import Config
from ..publishing.names import printable
from .arrivals import Arrivals, Phase
from .examiner import Examiner, Seen
from .identify import Examination, Examined
from .inbox import Inbox
from .refusals import Refusals
from .watcher import Watcher

logger = logging.getLogger(__name__)

WAITING = "waiting"  # the readiness of a container that is still being written
# Small files are looked at many at a time. Large ones have a process of their own, so that the
# reading of one does not hold up the others.
BATCH_FILES = 64
BATCH_BYTES = 64_000_000
GB = 1_000_000_000


class Intake:
    """Watches the inbox, settles, examines, enqueues. All but the watcher runs in the caller.

    `on_hint` is called, from any thread, when there is something to do; `on_known` when a file
    came whose content the queue had already: where originals are moved, it can follow its job.

    Files are opened and hashed in processes of their own: opening a container is decoding, and
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
        self._small, self._large = Examiner(on_hint), Examiner(on_hint)
        self._due_small: deque[Seen] = deque()
        self._due_large: deque[Seen] = deque()
        self._refusals = Refusals()
        self._watcher: Watcher | None = None
        self._watched: tuple[int, int] | None = None  # the folder that the watcher is for
        self._has_begun = False
        self._has_moved = False  # whether it was another one before
        # Known files that were seen in the folder that is there now. The others may have gone
        # with a folder that was unmounted, and come back with it.
        self._present: set[Path] = set()
        self._next_scan = 0.0
        self._obstacle: str | None = None  # why nothing is taken
        self._deafness: str | None = None  # why no events come
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings."""
        self._config = config
        self._arrivals.settle = config.inbox.settle
        self._arrivals.patience = config.inbox.patience
        self._inbox = Inbox(self._inbox.path, config.inbox.ignore)
        confinement = confine_examiner(config, self._inbox.path)
        for examiner in (self._small, self._large):
            examiner.configure(confinement, config.workers)

    def start(self) -> None:
        """Begin to watch; what lies there already is found by the first look."""
        self._follow_mounts()

    def stop(self) -> None:
        self._unwatch()
        self._small.stop()
        self._large.stop()

    def tick(self) -> None:
        """Do what is due now. Never blocks."""
        now = time.monotonic()
        if not self._is_open():
            return
        self._take_hints(now)
        if now >= self._next_scan:
            self._scan(now)
        for examiner in (self._small, self._large):
            self._accept(self._sift(examiner.collect(), now))
        for path, stamp in self._arrivals.due(now):
            queue = self._due_small if stamp.size <= BATCH_BYTES else self._due_large
            queue.append((path, stamp))
        self._examine(self._small, self._due_small, now)
        self._examine(self._large, self._due_large, now)

    def next_moment(self) -> float | None:
        """When something will be due, by the monotonic clock."""
        moments = [
            self._arrivals.next_due(),
            self._small.next_moment(),
            self._large.next_moment(),
        ]
        return min([moment for moment in moments if moment is not None] + [self._next_scan])

    def is_idle(self) -> bool:
        """Whether nothing is on its way in, but what can't be read."""
        stuck = self._arrivals.count(Phase.UNREADABLE)
        return len(self._arrivals) == stuck and self._hints.empty() and self._next_scan > 0

    def counts(self) -> dict[str, int]:
        """How many files are on their way in, by phase."""
        unreadable = self._arrivals.count(Phase.UNREADABLE)
        return {
            "settling": self._arrivals.count(Phase.SETTLING),
            "examined": self._arrivals.count(Phase.EXAMINED),
            "waiting": self._arrivals.count(Phase.WAITING) + unreadable,
        }

    @property
    def trouble(self) -> str | None:
        """What a person should know: why nothing is taken, or not all, or later than could be."""
        found = (self._obstacle, self._absence(), self._refusals.summary(), self._deafness)
        return "; ".join(filter(None, found)) or None

    def check_alive(self) -> None:
        """Raise RuntimeError when the watcher's thread died: events would be missed silently."""
        same_folder = self._watched is not None and self._watched == self._inbox.identity()
        if same_folder and self._watcher is not None and not self._watcher.is_alive():
            raise RuntimeError("the inbox's watcher died")

    # -- accepted files ----------------------------------------------------------------------

    def is_away(self, path: Path) -> bool:
        """Whether this accepted file may have gone with an inbox that was unmounted, and will
        come back with it."""
        found = self._inbox.identity()
        if not path.is_relative_to(self._inbox.path):
            return False
        if found is None or found != self._watched:
            return True
        return self._has_moved and path not in self._present and path in self._known

    def doubt(self, path: Path, stamp: FileStamp) -> None:
        """A file that was accepted with this stamp was found to be another one: unless that is
        known already, what lies there now is looked at anew."""
        if self._known.get(path) == stamp:
            self._forget(path)
            self._hint(path)

    def _absence(self) -> str | None:
        missing = len(self._known) - len(self._present)
        if not (self._has_moved and missing) or self._obstacle:
            return None
        return (
            f"the inbox {self._inbox.path} is another folder than before (was it mounted "
            f"or unmounted?); {missing} file(s) that were accepted are not in it, and are waited "
            "for until the next start"
        )

    def _forget(self, path: Path) -> None:
        self._present.discard(path)
        if self._known.pop(path, None) is not None:
            self._queue.forget_file(path)

    # -- looking -----------------------------------------------------------------------------

    def _is_open(self) -> bool:
        self._obstacle = self._find_obstacle()
        self._follow_mounts()
        return self._obstacle is None

    def _find_obstacle(self) -> str | None:
        try:
            free = shutil.disk_usage(self._inbox.path).free
        except OSError:
            free = None
        if free is None or self._inbox.identity() is None:
            return f"the inbox {self._inbox.path} is not there; nothing is taken until it is back"
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
        self._has_moved = self._has_moved or self._has_begun
        self._has_begun = True
        self._unwatch()
        self._present.clear()
        if found is not None:
            self._known = self._queue.known_files()  # a publisher may have forgotten some
            self._watch()
            self._watched = found

    def _unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher, self._watched = None, None

    def _watch(self) -> None:
        mode = self._config.inbox.watch
        polling = mode == "polling" or (mode == "auto" and not self._inbox.sends_events())
        self._next_scan, self._deafness = 0.0, None
        try:
            self._start_watcher(polling=polling)
        except FileNotFoundError:
            return  # it went away again: the next tick will see
        except OSError as error:
            self._deafness = (
                f"the kernel does not report what happens in the inbox ({error.strerror}), so it "
                "is looked at every few seconds; raise fs.inotify.max_user_watches and "
                "max_user_instances with sysctl, and restart"
            )
            logger.warning("%s", self._deafness)
            self._start_watcher(polling=True)

    def _start_watcher(self, *, polling: bool) -> None:
        watcher = Watcher(self._inbox.path, self._hint, polling=polling)
        watcher.start()
        self._watcher = watcher
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
            if why := self._inbox.refusal(path):
                self._refusals.add(path, why)

    def _see(self, path: Path, stamp: FileStamp, now: float) -> None:
        if self._known.get(path) == stamp:
            self._present.add(path)
        elif stamp.size > self._config.inbox.max_gb * GB:
            self._arrivals.lose(path)
            why = f"it has {stamp.size / GB:.1f} GB, inbox.max_gb is {self._config.inbox.max_gb:g}"
            self._refusals.add(path, why, is_told=True)
        else:
            self._arrivals.see(path, stamp, now)

    def _lose(self, path: Path) -> None:
        self._arrivals.lose(path)
        self._refusals.lose(path)
        if path in self._present:
            self._forget(path)

    def _scan(self, now: float) -> None:
        """The truth: what events missed is found here."""
        try:
            found = self._inbox.scan()
        except OSError as error:
            self._obstacle = f"the inbox can't be read: {error}"
            return
        for path, why in (found.refused | found.closed).items():
            self._refusals.add(path, why, is_told=path in found.closed)
        self._refusals.keep_only(found.files.keys() | found.refused.keys() | found.closed.keys())
        for path, stamp in found.files.items():
            self._see(path, stamp, now)
        self._arrivals.keep_only(found.files)
        for path in self._present - found.files.keys():
            if not found.is_unknown(path):
                self._lose(path)
        self._next_scan = now + self._config.inbox.rescan

    # -- examining ---------------------------------------------------------------------------

    def _examine(self, examiner: Examiner, due: deque[Seen], now: float) -> None:
        if not examiner.is_free:
            return
        batch: list[Seen] = []
        room = BATCH_BYTES
        while due and len(batch) < BATCH_FILES and (room > 0 or not batch):
            path, stamp = due.popleft()
            self._look(path, now)  # the last look before it is taken for complete
            if self._arrivals.is_current(path, stamp):
                batch.append((path, stamp))
                room -= stamp.size
        if batch:
            examiner.submit(batch)

    def _sift(
        self, found: list[tuple[Path, FileStamp, Examined]], now: float
    ) -> Mapping[Path, Examination]:
        """Those that are to be accepted; the others wait, or are looked at again."""
        ready: dict[Path, Examination] = {}
        for path, stamp, answer in found:
            if not self._arrivals.is_current(path, stamp):
                continue
            if isinstance(answer, VideoChanged | FileNotFoundError):
                logger.info("%s is looked at again: %s", printable(path.name), answer)
                self._arrivals.again(path, stamp, now)
            elif isinstance(answer, OSError):
                self._refusals.add(
                    path, f"it can't be read: {answer.strerror or answer}", is_told=True
                )
                self._arrivals.cannot_read(path, stamp, now + self._config.inbox.rescan)
            elif answer.readiness == WAITING and not self._arrivals.is_patience_over(path, now):
                logger.info("%s waits: %s", printable(path.name), answer.why)
                self._arrivals.wait(path, stamp, now)
            else:
                ready[path] = answer
        return ready

    def _accept(self, ready: Mapping[Path, Examination]) -> None:
        if not ready:
            return
        now = time.time()
        arrivals = [Arrival(path, a.stamp, a.sha256, now) for path, a in ready.items()]
        try:
            jobs = self._queue.enqueue_all(arrivals)
        except DatabaseLost:
            for path, found in ready.items():
                self._arrivals.again(path, found.stamp, time.monotonic())
            raise
        for arrival, (job, is_new) in zip(arrivals, jobs, strict=True):
            self._known[arrival.path] = arrival.stamp
            self._present.add(arrival.path)
            self._arrivals.lose(arrival.path)
            self._refusals.lose(arrival.path)
            name = printable(file_name(arrival.path))
            logger.info("%s is %s job %s", name, "new" if is_new else "the content of", job)
            if not is_new:
                self._on_known()
