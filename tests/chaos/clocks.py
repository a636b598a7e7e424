"""The wall clock jumps by hours while jobs run and wait."""

from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

HOURS_S = 6 * 3600
JUMPS = (HOURS_S, -HOURS_S, 0, -HOURS_S, HOURS_S, 0)  # off by so much, one after the other
LEASE = "lease = 4\nheartbeat = 0.5\n"
JUDGING = "open for writing in record/file.py:"
PATIENCE_S = 60.0  # nothing waits for hours
DROPPED = 3


@scenario("clock-jumps", "the clock jumps by hours while a job runs and one waits after a failure")
def clock_jumps(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        settings = scene.home / "ddaemon.toml"
        scene.configure(settings.read_text().replace("[queue]\n", f"[queue]\n{LEASE}"))
        scene.start_with(role="nobody", label=None)
        scene.wait_log("ready")
        slowest, failed = 0.0, 0
        for off_s in JUMPS:
            scene.plan(role="worker", label=JUDGING, thread=None, deed="kill")
            scene.drop(DROPPED, scene.face)
            scene.wait_struck()  # one attempt failed: its job waits, the others run
            scene.set_clock(off_s)
            failed += 1
            slowest = max(slowest, scene.wait_settled(PATIENCE_S))
        assert scene.stop() == 0
        attempts = sum(count for (count,) in scene.query("SELECT attempts FROM jobs"))
        assert attempts == failed + DROPPED * len(JUMPS), "a lease was lost to the clock"
        return Result(len(JUMPS), scene.accounts(), slowest)
