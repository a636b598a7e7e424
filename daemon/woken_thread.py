"""A thread that works in rounds: one whenever somebody wakes it."""

import threading
from abc import ABC, abstractmethod


class WokenThread(ABC):
    """Rounds in a thread of its own, from `start` to `stop`. What a round raises ends the thread,
    and with it the service, which looks at `is_alive`."""

    def __init__(self, name: str) -> None:
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def is_alive(self) -> bool:
        """Whether its thread still runs."""
        return self._thread.is_alive()

    def check_alive(self) -> None:
        """Raise RuntimeError when its thread died: its work would be left undone silently."""
        if not self._thread.is_alive():
            raise RuntimeError(f"the {self._thread.name}'s thread died")

    def stop(self) -> None:
        """End after one last round."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def _round(self) -> None:
        """Do what is due."""

    @abstractmethod
    def _longest_pause_s(self) -> float | None:
        """Seconds until the next round if nobody wakes it; None waits for somebody."""

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._longest_pause_s())
            self._wake.clear()
            self._round()
