"""The inbox as it is mounted now, and the watcher that belongs to it."""

import logging
import queue as queues
import shutil
from collections.abc import Callable
from pathlib import Path

from ..home.config import Config
from .inbox import Inbox
from .watcher import Watcher

logger = logging.getLogger(__name__)

MB = 1_000_000


class WatchedFolder:
    """Follows the inbox through unmounts and mounts, and collects the watcher's hints.

    Args:
        inbox: the folder.
        on_hint: called from any thread when there is a hint to take.
        on_change: called when another folder than before lies there, or none: with whether there
            is one.
    """

    def __init__(
        self, inbox: Inbox, *, on_hint: Callable[[], None], on_change: Callable[[bool], None]
    ) -> None:
        self._inbox = inbox
        self._on_hint = on_hint
        self._on_change = on_change
        self._hints: queues.SimpleQueue[Path] = queues.SimpleQueue()
        self._watcher: Watcher | None = None
        self._watched: tuple[int, int] | None = None  # the folder that the watcher is for
        self._has_begun = False
        self.has_moved = False  # whether it was another folder before
        self.blocked: str | None = None  # why nothing is taken
        self.degraded: str | None = None  # why no events come

    def configure(self, config: Config, inbox: Inbox) -> None:
        """Take over changed settings."""
        self._config, self._inbox = config, inbox

    @property
    def path(self) -> Path:
        return self._inbox.path

    def is_open(self) -> bool:
        """Whether files may be taken from it now; `blocked` says why not."""
        self.blocked = self._why_blocked()
        self.follow()
        return self.blocked is None

    def is_there(self) -> bool:
        """Whether the folder that is watched lies at the inbox's path."""
        found = self._inbox.identity()
        return found is not None and found == self._watched

    def follow(self) -> None:
        """A watch belongs to one folder: when another is mounted in its place, watch that one."""
        found = self._inbox.identity()
        if found == self._watched:
            return
        self.has_moved = self.has_moved or self._has_begun
        self._has_begun = True
        self.stop()
        self._on_change(found is not None)
        if found is not None:
            self._watch()
            self._watched = found

    def hint(self, path: Path) -> None:
        """Have this path looked at soon."""
        self._hints.put(path)
        self._on_hint()

    def take_hints(self) -> set[Path]:
        """The paths that something happened to since the last call."""
        paths = set()
        while not self._hints.empty():
            paths.add(self._hints.get())
        return paths

    def has_hints(self) -> bool:
        return not self._hints.empty()

    def check_alive(self) -> None:
        """Raise RuntimeError when the watcher's thread died: events would be missed silently."""
        if self.is_there() and self._watcher is not None and not self._watcher.is_alive():
            raise RuntimeError("the inbox's watcher died")

    def stop(self) -> None:
        """Watch no more."""
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher, self._watched = None, None

    def _why_blocked(self) -> str | None:
        try:
            free = shutil.disk_usage(self._inbox.path).free
        except OSError:
            free = None
        if free is None or self._inbox.identity() is None:
            return f"the inbox {self._inbox.path} is not there; nothing is taken until it is back"
        if free < self._config.disk.min_free_mb * MB:
            return (
                f"only {free // MB} MB are free (disk.min_free_mb is "
                f"{self._config.disk.min_free_mb}); nothing is taken until there is more room"
            )
        return None

    def _watch(self) -> None:
        mode = self._config.inbox.watch
        polling = mode == "polling" or (mode == "auto" and not self._inbox.sends_events())
        self.degraded = None
        try:
            self._start_watcher(polling=polling)
        except FileNotFoundError:
            return  # it went away again: the next tick will see
        except OSError as error:
            self.degraded = (
                f"the kernel does not report what happens in the inbox ({error.strerror}), so it "
                "is looked at every few seconds; raise fs.inotify.max_user_watches and "
                "max_user_instances with sysctl, and restart"
            )
            logger.warning("%s", self.degraded)
            self._start_watcher(polling=True)

    def _start_watcher(self, *, polling: bool) -> None:
        watcher = Watcher(self._inbox.path, self.hint, polling=polling)
        watcher.start()
        self._watcher = watcher
        logger.info("watching %s (%s)", self._inbox.path, "polling" if polling else "events")
