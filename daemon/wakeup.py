"""Wakes the thread that waits, from wherever one is: another thread, or a signal's handler."""

import math
import os
import select
import weakref
from contextlib import suppress

PIPE_BYTES = 65_536


class Wakeup:
    """For one waiting thread. A pipe, so without any lock.

    `threading.Event` is none for a signal's handler: it may interrupt the very code of `wait` or
    `clear` that holds the event's lock, and `set` then waits for that lock for ever. Nor is
    `queue.SimpleQueue`: interrupted at its deadline, `get` of CPython 3.11 waits on without one.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):
            os.set_blocking(end, False)
            # Not at the interpreter's end: what rings then would write into another file's number.
            weakref.finalize(self, os.close, end).atexit = False
        self._poll = select.poll()
        self._poll.register(self._read_end, select.POLLIN)

    def wake(self) -> None:
        """End the wait that goes on, or the next one."""
        with suppress(BlockingIOError):  # it is full of rings that nobody waited for yet
            os.write(self._write_end, b"r")

    def wait(self, seconds: float) -> None:
        """Until it rings, or rang since the last wait, for at most so long."""
        if self._poll.poll(math.ceil(seconds * 1000)):
            os.read(self._read_end, PIPE_BYTES)
