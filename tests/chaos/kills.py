"""SIGKILL, wherever it can hurt."""

import os
import random
import signal
import subprocess
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

SHORT_STEP = 7  # in short, every so manyth point is tried
RANDOM_JOBS, RANDOM_JOBS_SHORT = 300, 20
BETWEEN_KILLS_S = (0.1, 3.0)
SEED = 20261124


@scenario("kill-service", "SIGKILL of the service at each of its points")
def kill_service(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        labels = _labels(scene, "service", short)
        for label in labels:
            scene.drop(1, scene.face)
            scene.start_with("--drain", role="service", label=label)
            code = scene.wait()
            assert code == -signal.SIGKILL, (
                f"{label} was not passed: {code}\n{scene.log.read_text()}"
            )
        recovery = scene.drain()
        return Result(len(labels), scene.books(), recovery)


@scenario("kill-worker", "SIGKILL of a worker at each of its points")
def kill_worker(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        labels = _labels(scene, "worker", short)
        slowest = 0.0
        scene.start_with(role="worker", label="no point")
        for label in labels:
            scene.plan(role="worker", label=label, thread=None, deed="kill")
            scene.drop(1, scene.face)
            slowest = max(slowest, scene.wait_settled())
            assert scene.is_struck, f"{label} was not passed"
        assert scene.stop() == 0
        return Result(len(labels), scene.books(), slowest)


@scenario("kill-at-random", "SIGKILL of the service or a worker at random moments")
def kill_at_random(folder: Path, short: bool) -> Result:
    dice = random.Random(SEED)
    with closing(Scene(folder)) as scene:
        scene.drop(RANDOM_JOBS_SHORT if short else RANDOM_JOBS)
        injected = 0
        scene.start("--drain")
        while not _ends_within(scene, dice.uniform(*BETWEEN_KILLS_S)):
            assert scene.service is not None
            victim = dice.choice([scene.service.pid, *scene.worker_pids()])
            os.kill(victim, signal.SIGKILL)
            injected += 1
            if victim == scene.service.pid:
                scene.wait()
                scene.start("--drain")
        assert scene.wait() == 0, scene.log.read_text()
        recovery = scene.drain()
        return Result(injected, scene.books(), recovery)


def _labels(scene: Scene, role: str, short: bool) -> list[str]:
    """The points of one job from its arrival to its end, in the order in which they come."""
    scene.drop(1, scene.face)
    scene.start_with("--drain", role="nobody", label="no point")
    assert scene.wait() == 0, scene.log.read_text()
    labels = list(dict.fromkeys(label for who, _, label in scene.points() if who == role))
    return labels[:: SHORT_STEP if short else 1]


def _ends_within(scene: Scene, seconds: float) -> bool:
    assert scene.service is not None
    try:
        scene.service.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
