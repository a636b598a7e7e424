"""What wakes the service's loop."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

from ddaemon.daemon.wakeup import PIPE_BYTES, Wakeup

LONG_S = 60.0
SIGNALS = 6000
LONGEST_PAUSE_S = 0.0003
# The handler comes in the midst of `wait`, over and over. SIGUSR2 asks it to end.
RUNG = """
import signal
from ddaemon.daemon.wakeup import Wakeup

wakeup, over = Wakeup(), []
signal.signal(signal.SIGTERM, lambda *_: wakeup.wake())
signal.signal(signal.SIGUSR2, lambda *_: over.append(True))
print("ready", flush=True)
while not over:
    wakeup.wait(0.000001)
"""


def test_a_ring_ends_the_wait() -> None:
    wakeup = Wakeup()
    threading.Timer(0.05, wakeup.wake).start()
    began = time.monotonic()
    wakeup.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2


def test_rings_before_the_wait_end_it_and_are_over_with_it() -> None:
    wakeup = Wakeup()
    wakeup.wake()
    wakeup.wake()
    began = time.monotonic()
    wakeup.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    wakeup.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_more_rings_than_it_holds_are_one() -> None:
    wakeup = Wakeup()
    for _ in range(2 * PIPE_BYTES):
        wakeup.wake()
    wakeup.wait(LONG_S)
    began = time.monotonic()
    wakeup.wait(0.05)
    assert time.monotonic() - began >= 0.05


def test_without_a_ring_the_time_passes() -> None:
    began = time.monotonic()
    Wakeup().wait(0.05)
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
