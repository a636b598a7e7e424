"""Wakes a waiting thread, from another thread or from a signal handler."""

import math
import os
import select
import weakref
from contextlib import suppress

PIPE_BYTES = 65_536


class Wakeup:
    """For one waiting thread. A pipe, so without any lock.

    `threading.Event` does not suit a signal handler: the handler may interrupt the very code of
    `wait` or `clear` that holds the event's lock, and `set` then waits for that lock for ever. Nor
    does `queue.SimpleQueue`: interrupted at its deadline, `get` of CPython 3.11 waits on without
    one.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
            # Not at interpreter exit: a wake-up then would write to a reused file descriptor.
            weakref.finalize(self, os.close, end).atexit = False
        self._poll = select.poll()
        self._poll.register(self._read_end, select.POLLIN)

    def wake(self) -> None:
        """End the current wait, or the next one."""
        with suppress(BlockingIOError):  # it is full of wake-ups that nobody waited for yet
            os.write(self._write_end, b"r")

    def wait(self, seconds: float) -> None:
        """Wait until woken, at most so long; return at once if woken since the last wait."""
        if self._poll.poll(math.ceil(seconds * 1000)):
            os.read(self._read_end, PIPE_BYTES)
