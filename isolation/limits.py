"""The limits of one call in a worker process, and the watch that says which one was passed."""

import math
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from .process import WorkerProcess

MB = 1_000_000
LOOK_EVERY_S = 0.25  # at a call that is waited for
# Counts towards a worker's silence, however long ago the last look was: when the one who looks was
# stopped itself, or waited for its database, nobody listened.
LONGEST_LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount that may not be passed, and the setting that a person can change it with."""

    most: float
    unit: str
    setting: str = ""

    def __str__(self) -> str:
        amount = f"{self.most:.15g} {self.unit}"
        return f"{self.setting} ({amount})" if self.setting else amount


NEVER = Limit(math.inf, "s")


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What one call may take."""

    time: Limit  # seconds from its start
    memory: Limit  # megabytes of its process
    silence: Limit = NEVER  # seconds without a sign of life

    def too_long(self) -> str:
        return f"it took longer than {self.time}"

    def too_large(self) -> str:
        return f"it took more memory than {self.memory}"

    def too_silent(self) -> str:
        return f"its worker gave no sign of life for {self.silence}"


class CallWatch:
    """Watches one call of a process from the moment at which it is made.

    It is asked now and then, and kills nothing itself.
    """

    def __init__(self, process: WorkerProcess, limits: CallLimits) -> None:
        self.limits = limits
        self.silent_s = 0.0  # since the last sign of life
        self._process = process
        self._looked_at = self._began = time.monotonic()
        self._signs = process.signs()

    @property
    def ends_at(self) -> float:
        """When its time is over, by the monotonic clock."""
        return self._began + self.limits.time.most

    def exceeded(self) -> str | None:
        """Which limit was passed, in words; None when the call may go on."""
        now = time.monotonic()
        self._listen(now)
        if self.silent_s > self.limits.silence.most:
            return self.limits.too_silent()
        if now > self.ends_at:
            return self.limits.too_long()
        if self._process.memory_bytes() > self.limits.memory.most * MB:
            return self.limits.too_large()
        return None

    def _listen(self, now: float) -> None:
        signs = self._process.signs()
        if signs != self._signs:
            self._signs, self.silent_s = signs, 0.0
        else:
            self.silent_s += min(now - self._looked_at, LONGEST_LOOK_S)
        self._looked_at = now


def wait_within(
    limits: CallLimits,
    process: WorkerProcess,
    future: "Future[Any]",
    on_look: Callable[[], None] = lambda: None,
) -> str | None:
    """Wait for the call that `process` was just given, and kill the process at a limit.

    Returns the limit that was passed, in words. `on_look` is called now and then meanwhile.
    """
    watch = CallWatch(process, limits)
    exceeded: str | None = None
    while not wait([future], LOOK_EVERY_S).done:
        on_look()
        exceeded = exceeded or watch.exceeded()
        if exceeded:
            process.kill()
    return exceeded
