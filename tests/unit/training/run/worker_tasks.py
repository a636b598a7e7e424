"""What worker processes are told to do in tests: they must be able to import it."""

import os
import signal
import time


def work(task):
    """What a task says: die, sleep, swell, raise, or give the process's number."""
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "sleep":
        time.sleep(60)
    if task == "swell":
        held = b"x" * 500_000_000
        time.sleep(60)
        return len(held)
    if task == "raise":
        raise KeyError(task)
    return os.getpid()
