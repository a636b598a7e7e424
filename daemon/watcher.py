"""Tells the service that something happened in the inbox. A hint, never the truth."""

from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserver

LOOKED_AT = frozenset({"created", "modified", "moved", "closed", "deleted"})
POLL_S = 5.0


class Watcher:
    """Calls `on_path` with every path that was touched, from a thread of its own."""

    def __init__(self, folder: Path, on_path: Callable[[Path], None], *, polling: bool) -> None:
        self._observer: BaseObserver = PollingObserver(timeout=POLL_S) if polling else Observer()
        self._observer.schedule(_Handler(on_path), str(folder), recursive=True)

    def start(self) -> None:
        self._observer.start()

    def is_alive(self) -> bool:
        """Whether every thread of it still runs."""
        emitters = self._observer.emitters
        return self._observer.is_alive() and all(emitter.is_alive() for emitter in emitters)

    def stop(self) -> None:
        self._observer.stop()
        self._observer.join()


class _Handler(FileSystemEventHandler):
    def __init__(self, on_path: Callable[[Path], None]) -> None:
        self._on_path = on_path

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in LOOKED_AT:
            return
        for path in (event.src_path, event.dest_path):
            if path:
                self._on_path(Path(str(path) if isinstance(path, str) else path.decode()))
