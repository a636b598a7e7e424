"""Keeps jobs from being started while the set-up is at fault, so that no attempt is used up."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future

from ...storage.errors import DetectorError

logger = logging.getLogger(__name__)

PROBE_EVERY_S = 10.0  # while no job can run, whatever the video

Probe = Callable[[], "Future[int] | None"]  # None: there is no idle worker to probe with


class CircuitBreaker:
    """Opens when a worker reports a fault of the set-up, closes when a probe or a job goes well.

    Args:
        probe: starts a check in a fresh worker, which has seen no video yet. It may raise
            `DetectorError`.
        describe: an error of the probe in words.
    """

    def __init__(self, probe: Probe, describe: Callable[[BaseException], str]) -> None:
        self._probe = probe
        self._describe = describe
        self.reason: str | None = None  # why no job can run at present
        self._next_probe = 0.0  # monotonic seconds
        self._probing: Future[int] | None = None
        self._blockers: set[str] = set()  # jobs whose worker reported a fault of the set-up
        self._suspects: set[str] = set()  # those of them where the set-up turned out to be well

    def is_closed(self) -> bool:
        """Whether jobs may be started. Probes when it is time to. Never blocks."""
        if self.reason is None:
            return True
        if self._probing is None:
            if time.monotonic() >= self._next_probe:
                self._start_probe()
            return False
        if not self._probing.done():
            return False
        error, self._probing = self._probing.exception(), None
        if error is not None:
            self.reason = self._describe(error)
            self._next_probe = time.monotonic() + PROBE_EVERY_S
            return False
        self._close()
        return True

    def believes(self, job: str) -> bool:
        """Whether a worker's report from this job is believed: it is once, as a worker that a
        video took over may report a fault each time."""
        return job not in self._suspects

    def open(self, error: BaseException, job: str | None = None) -> None:
        """Start no more jobs; `job` is the one whose worker reported the fault."""
        if job is not None:
            self._blockers.add(job)
        self.reason = str(error)
        self._next_probe = time.monotonic() + PROBE_EVERY_S
        logger.error("no job can run: %s", error)

    def succeeded(self, job: str) -> None:
        """A job went well, so the set-up does too."""
        self._suspects.discard(job)
        self._close()

    def _start_probe(self) -> None:
        try:
            self._probing = self._probe()
        except DetectorError as error:
            self.open(error)

    def _close(self) -> None:
        self.reason = None
        self._suspects |= self._blockers
        self._blockers.clear()
