"""Whoever holds a job or the home stands still, hangs, or meets another one."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.pings import Pings
from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

LEASE_S = 3
LEASE = f"lease = {LEASE_S}\nheartbeat = 0.5\n"
JUDGING = "open for writing in record/file.py:"
CLAIMING = "before commit in storage/queue.py:Queue.claim"
PING_S = 0.5


@scenario(
    "stopped-holder", "the service and its worker, and a worker alone, stopped past the lease"
)
def stopped_holder(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        settings = (scene.home / "ddaemon.toml").read_text()
        scene.configure(settings.replace("[queue]\n", f"[queue]\n{LEASE}"))
        slowest = 0.0
        scene.start_with(role="nobody", label=None)
        scene.wait_log("ready")
        for alone in (False, True):
            scene.plan(role="worker", label=JUDGING, thread=None, deed="wait")
            scene.drop(1, scene.face)
            scene.wait_struck()
            worker = scene.worker_at_work()
            assert scene.service is not None
            stopped = [worker] if alone else [scene.service.pid, *scene.worker_pids()]
            _stand_still(stopped, LEASE_S + 2)
            scene.go_on()
            slowest = max(slowest, scene.wait_settled())
            assert not (alone and Path(f"/proc/{worker}").exists()), "the silent worker lives"
        assert scene.stop() == 0
        return Result(2, scene.accounts(), slowest)


@scenario("main-hangs", "the service's loop hangs; the pings stop, and it is restarted")
def main_hangs(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene, closing(Pings(folder / "notify")) as pings:
        scene.drop(2)
        told = {"NOTIFY_SOCKET": str(pings.address), "WATCHDOG_USEC": str(int(2e6 * PING_S))}
        scene.start_with(
            role="service", label=CLAIMING, thread="MainThread", deed="hang", environment=told
        )
        scene.wait_struck()
        time.sleep(2 * PING_S)  # what was on its way
        before = pings.number()
        time.sleep(6 * PING_S)
        assert pings.number() == before, "the service says that it lives, and hangs"
        scene.stop(signal.SIGABRT)  # as systemd does
        recovery = scene.drain()
        return Result(1, scene.accounts(), recovery)


@scenario("two-services", "a second service on the same home")
def two_services(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        scene.start()
        scene.wait_log("ready")
        scene.drop(2)
        refusal = scene.call("run", code=1)
        assert "another service runs" in refusal, refusal
        recovery = scene.wait_settled()
        assert scene.stop() == 0
        return Result(1, scene.accounts(), recovery)


def _stand_still(pids: Sequence[int], seconds: float) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:  # the service ended it meanwhile
            continue
