"""Tells the service that something happened in the inbox. A hint, never the truth."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify_c import InotifyFD
from watchdog.observers.polling import PollingObserver
from watchdog.utils import BaseThread

# Left out: that a file was opened or read, which ddaemon does itself, and that a folder's list of
# names changed, which is reported for each of its files, too.
LOOKED_AT: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
POLL_S = 5.0
STOP_S = 5.0


class Watcher:
    """Calls `on_path` with every path that was touched, from a thread of its own.

    Raises OSError, when it is made or started, where the kernel refuses to watch.
    """

    def __init__(self, folder: Path, on_path: Callable[[Path], None], *, polling: bool) -> None:
        self._others = set(threading.enumerate())
        self._threads: list[threading.Thread] = []
        self._observer: BaseObserver = PollingObserver(timeout=POLL_S) if polling else Observer()
        self._observer.schedule(
            _Handler(on_path), str(folder), recursive=True, event_filter=LOOKED_AT
        )

    def start(self) -> None:
        try:
            self._observer.start()
        except OSError:
            self._observer.stop()
            raise
        # The observer hides some of its threads, and without those there are no events.
        self._threads = [t for t in threading.enumerate() if self._needs(t)]

    def _needs(self, thread: threading.Thread) -> bool:
        """Others may start threads at the same moment; one thread reads events for all watchers."""
        is_new = isinstance(thread, BaseThread) and thread not in self._others
        return is_new or isinstance(thread, InotifyFD)

    def is_alive(self) -> bool:
        """Whether every thread of it still runs."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Stop, but wait only so long: a thread that died may have left a lock held for ever."""
        ending = threading.Thread(target=self._end, name="watcher's end", daemon=True)
        ending.start()
        ending.join(STOP_S)

    def _end(self) -> None:
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()


class _Handler(FileSystemEventHandler):
    def __init__(self, on_path: Callable[[Path], None]) -> None:
        self._on_path = on_path

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._on_path(Path(os.fsdecode(path)))
