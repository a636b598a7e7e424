"""From a file in the inbox to a job in the queue."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ...storage.content import FileStamp, file_name
from ...storage.errors import DatabaseLost
from ...storage.queue import Arrival, Queue
from ...storage.text import printable
from ..dispatch.confining import confine_examiner
from ..home.config import Config
from .accepted_files import AcceptedFiles
from .arrivals import Arrivals, Phase
from .examiners import Examiners
from .identify import Examination
from .inbox import Inbox
from .refusals import Refusals
from .sift import sift
from .watched_folder import WatchedFolder

logger = logging.getLogger(__name__)

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
        self._on_known = on_known
        self._arrivals = Arrivals(config.inbox.settle, config.inbox.patience)
        self._accepted = AcceptedFiles(queue)
        self._refusals = Refusals()
        self._folder = WatchedFolder(
            self._inbox, on_hint=on_hint, on_change=self._on_another_folder
        )
        self._examiners = Examiners(on_hint)
        self._next_scan = 0.0
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Take over changed settings."""
        self._config = config
        self._arrivals.settle = config.inbox.settle
        self._arrivals.patience = config.inbox.patience
        self._inbox = Inbox(self._inbox.path, config.inbox.ignore)
        self._folder.configure(config, self._inbox)
        confinement = confine_examiner(config, self._inbox.path)
        self._examiners.configure(confinement, config.workers)

    def start(self) -> None:
        """Begin to watch; what lies there already is found by the first look."""
        self._folder.follow()

    def stop(self) -> None:
        self._folder.stop()
        self._examiners.stop()

    def tick(self) -> None:
        """Do what is due now. Never blocks."""
        now = time.monotonic()
        if not self._folder.is_open():
            return
        for path in self._folder.take_hints():
            self._look(path, now)
        if now >= self._next_scan:
            self._scan(now)
        rescan_s = self._config.inbox.rescan
        found = self._examiners.collect()
        self._accept(sift(found, self._arrivals, self._refusals, now=now, rescan_s=rescan_s))
        for path, stamp in self._arrivals.due(now):
            self._examiners.add(path, stamp)
        self._examiners.start(self._is_current)

    def next_moment(self) -> float:
        """When something will be due, by the monotonic clock."""
        moments = (self._arrivals.next_due(), self._examiners.next_moment(), self._next_scan)
        return min(moment for moment in moments if moment is not None)

    def is_idle(self) -> bool:
        """Whether nothing is on its way in, but what can't be read."""
        stuck = self._arrivals.count(Phase.UNREADABLE)
        is_quiet = not self._folder.has_hints() and self._next_scan > 0
        return len(self._arrivals) == stuck and is_quiet

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
        folder = self._folder
        found = (
            folder.blocked,
            self._accepted.absence(folder),
            self._refusals.summary(),
            folder.degraded,
        )
        return "; ".join(filter(None, found)) or None

    def check_alive(self) -> None:
        """Raise RuntimeError when the watcher's thread died: events would be missed silently."""
        self._folder.check_alive()

    # -- accepted files ----------------------------------------------------------------------

    def is_away(self, path: Path) -> bool:
        """Whether this accepted file may have gone with an inbox that was unmounted, and will
        come back with it."""
        return self._accepted.is_away(path, self._folder)

    def doubt(self, path: Path, stamp: FileStamp) -> None:
        """A file that was accepted with this stamp was found to be another one: unless that is
        known already, what lies there now is looked at again."""
        if self._accepted.is_accepted(path, stamp):
            self._accepted.forget(path)
            self._folder.hint(path)

    def _on_another_folder(self, is_there: bool) -> None:
        self._accepted.change_folder(is_there=is_there)
        if is_there:
            self._next_scan = 0.0

    # -- looking -----------------------------------------------------------------------------

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
        if self._accepted.see(path, stamp):
            return
        if stamp.size > self._config.inbox.max_gb * GB:
            self._arrivals.lose(path)
            why = f"it has {stamp.size / GB:.1f} GB, inbox.max_gb is {self._config.inbox.max_gb:g}"
            self._refusals.add(path, why, is_told=True)
        else:
            self._arrivals.see(path, stamp, now)

    def _lose(self, path: Path) -> None:
        self._arrivals.lose(path)
        self._refusals.lose(path)
        self._accepted.lose(path)

    def _scan(self, now: float) -> None:
        """The truth: what events missed is found here."""
        try:
            found = self._inbox.scan()
        except OSError as error:
            self._folder.blocked = f"the inbox can't be read: {error}"
            return
        for path, why in (found.refused | found.closed).items():
            self._refusals.add(path, why, is_told=path in found.closed)
        self._refusals.keep_only(found.files.keys() | found.refused.keys() | found.closed.keys())
        for path, stamp in found.files.items():
            self._see(path, stamp, now)
        self._arrivals.keep_only(found.files)
        for path in self._accepted.gone_from(found.files):
            if not found.is_unknown(path):
                self._lose(path)
        self._next_scan = now + self._config.inbox.rescan

    def _is_current(self, path: Path, stamp: FileStamp) -> bool:
        """The last look before a file is taken for complete."""
        self._look(path, time.monotonic())
        return self._arrivals.is_current(path, stamp)

    # -- accepting ---------------------------------------------------------------------------

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
            self._accepted.add(arrival.path, arrival.stamp)
            self._arrivals.lose(arrival.path)
            self._refusals.lose(arrival.path)
            name = printable(file_name(arrival.path))
            logger.info("%s is %s job %s", name, "new" if is_new else "the content of", job)
            if not is_new:
                self._on_known()
