"""What wakes the service's loop."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

from ddaemon.daemon.wakeup import PIPE_BYTES, Bell

LONG_S = 60.0
SIGNALS = 6000
LONGEST_PAUSE_S = 0.0003
# The handler comes in the midst of `wait`, over and over. SIGUSR2 asks it to end.
RUNG = """
import signal
from ddaemon.daemon.wakeup import Bell

bell, over = Bell(), []
signal.signal(signal.SIGTERM, lambda *_: bell.ring())
signal.signal(signal.SIGUSR2, lambda *_: over.append(True))
print("ready", flush=True)
while not over:
    bell.wait(0.000001)
"""


def test_a_ring_ends_the_wait() -> None:
    bell = Bell()
    threading.Timer(0.05, bell.ring).start()
    began = time.monotonic()
    bell.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2


def test_rings_before_the_wait_end_it_and_are_over_with_it() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    began = time.monotonic()
    bell.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    bell.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_more_rings_than_it_holds_are_one() -> None:
    bell = Bell()
    for _ in range(2 * PIPE_BYTES):
        bell.ring()
    bell.wait(LONG_S)
    began = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_without_a_ring_the_time_passes() -> None:
    began = time.monotonic()
    Bell().wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_a_signal_may_ring_it_at_any_moment() -> None:
    chance = random.Random(7)
    with subprocess.Popen([sys.executable, "-c", RUNG], stdout=subprocess.PIPE) as waiting:
        try:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == b"ready\n"
            for _ in range(SIGNALS):
                os.kill(waiting.pid, signal.SIGTERM)
                time.sleep(chance.random() * LONGEST_PAUSE_S)
            waiting.send_signal(signal.SIGUSR2)
            assert waiting.wait(LONG_S) == 0
        finally:
            waiting.kill()
