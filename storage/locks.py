"""Locks that the kernel releases when the process that holds them ends, however it ends."""

import fcntl
import time


def lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Try to lock an open file; False when somebody else has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(descriptor: int, seconds: float) -> bool:
    """The same, but keep trying for so many seconds."""
    deadline = time.monotonic() + seconds
    while not (held := lock(descriptor)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held
