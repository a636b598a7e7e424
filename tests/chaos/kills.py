"""SIGKILL, wherever it can hurt."""

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.accounting import Accounts
from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import SETTINGS, Scene

SHORT_STEP = 7  # in short, every so manyth point is tried
RANDOM_JOBS, RANDOM_JOBS_SHORT = 300, 20
FIRST_KILL_S = 0.1
BETWEEN_KILLS_S = (0.1, 3.0)
SEED = 20261124
MOVING = '[outbox]\noriginal = "move"\n'
PICTURES = "[report]\noverlay = true\n"
FILE_BY_FILE = ("daemon/publishing/outbox.py", "storage/sync.py")
NAMING = "daemon/home/home.py:Home.name"  # the home's id is made
TOO_EARLY = "a worker process died or hung before its first job"
RERUNS = 8  # jobs that are judged in one go, each of which is judged again with a kill
HOPELESS = "[workers]\njob_seconds = 0.001\n"  # every attempt is ended by its limit
ONCE = SETTINGS.replace("max_attempts = 5", "max_attempts = 1")


# What an ended attempt has left is removed here, and there may be nothing; a job that is judged
# before its first heartbeat has none.
MATTERS_OF_TIME = ("publisher.py:_remove", "publisher.py:_open_up", "queue.py:Queue.heartbeat")


@scenario("kill-service", "SIGKILL of the service at each of its points")
def kill_service(folder: Path, short: bool) -> Result:
    return _kill_service(Scene(folder), short)


@scenario("kill-first-start", "SIGKILL of the service at each point of a home's first start")
def kill_first_start(folder: Path, short: bool) -> Result:
    with closing(Scene(folder / "list")) as scene:
        labels = [label for label in _passed(scene, "service", _drop_face) if NAMING in label]
    accounts, slowest = Accounts(), 0.0
    for number, label in enumerate(labels):
        with closing(Scene(folder / str(number))) as scene:
            _strike(scene, _drop_face, label, 1)
            slowest = max(slowest, scene.drain())
            accounts += scene.accounts()
    return Result(len(labels), accounts, slowest)


@scenario(
    "kill-service-moving",
    "SIGKILL of the service at each of its points, originals moved into the outbox",
)
def kill_service_moving(folder: Path, short: bool) -> Result:
    scene = Scene(folder, MOVING)
    result = _kill_service(scene, short)
    for job, (_, state, place) in scene.jobs().items():
        assert Path(place).is_file(), f"job {job} is {state}, and its video is not at {place}"
    return result


@scenario("kill-quarantine", "SIGKILL of the service on each job's way into the quarantine")
def kill_quarantine(folder: Path, short: bool) -> Result:
    scene = Scene(folder)
    scene.configure(ONCE + MOVING + HOPELESS)
    return _kill_service(scene, short)


@scenario("kill-rerun", "SIGKILL of the service while a job is judged again")
def kill_rerun(folder: Path, short: bool) -> Result:
    judged: list[str] = []

    def ask_again(scene: Scene) -> None:
        if not judged:
            known = set(scene.jobs())
            scene.drop(RERUNS, scene.face)
            scene.drain()
            judged.extend(set(scene.jobs()) - known)
        scene.rerun(judged.pop())

    return _kill_service(Scene(folder), short, ask_again)


@scenario("kill-command", "SIGKILL of `jobs cancel`, `retry` and `purge` at each of their points")
def kill_command(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        injected = 0
        for moment in ("before", "after"):
            job = _pending_job(scene)
            injected += _killed(scene, f"{moment} commit", "cancel", job, "cancelled")
            injected += _killed(scene, f"{moment} commit", "retry", job, "pending")
            recovery = scene.drain()
            purge = ("jobs", "purge", "--days", "0", "--state", "done")
            scene.purged(*scene.jobs())
            injected += _struck(scene, f"{moment} commit", *purge)
            scene.call_here(*purge)
            assert not scene.jobs(), "the jobs were not purged"
        return Result(injected, scene.accounts(), recovery)


@scenario("kill-notices", "SIGKILL of the service at each point of a notice's delivery")
def kill_notices(folder: Path, short: bool) -> Result:
    told = folder / "told"
    script = folder / "tell"
    scene = Scene(folder, f'[notify]\ncommand = ["{script}"]\nbackoff = 0.2\n')
    script.write_text(f'#!/bin/sh\necho "$DDAEMON_JOB $DDAEMON_DELIVERY" >> "{told}"\n')
    script.chmod(0o700)
    result = _kill_service(scene, short, only="storage/notices.py")
    ids = Counter(line.split()[0] for line in set(told.read_text().splitlines()))
    assert ids == Counter(list(scene.jobs())), f"not one delivery for each job: {ids}"
    return result


@scenario("kill-worker", "SIGKILL of a worker at each of its points")
def kill_worker(folder: Path, short: bool) -> Result:
    with closing(Scene(folder, PICTURES)) as scene:
        labels = _labels(scene, "worker", short)
        slowest = 0.0
        scene.start_with(role="worker", label="no point")
        for label in labels:
            scene.plan(role="worker", label=label, thread=None, deed="kill")
            scene.drop(1, scene.face)
            slowest = max(slowest, scene.wait_settled())
            assert scene.is_struck, f"{label} was not passed"
        assert scene.stop() == 0
        return Result(len(labels), scene.accounts(), slowest)


@scenario("kill-at-random", "SIGKILL of the service or a worker at random moments")
def kill_at_random(folder: Path, short: bool) -> Result:
    dice = random.Random(SEED)
    with closing(Scene(folder)) as scene:
        scene.drop(RANDOM_JOBS_SHORT if short else RANDOM_JOBS)
        injected = 0
        scene.start("--drain")
        scene.wait_log("is new job")  # the first kill comes while jobs are open
        while not _ends_within(scene, dice.uniform(*BETWEEN_KILLS_S) if injected else FIRST_KILL_S):
            assert scene.service is not None
            victim = dice.choice([scene.service.pid, *scene.worker_pids()])
            os.kill(victim, signal.SIGKILL)
            injected += 1
            if victim == scene.service.pid:
                scene.wait()
                scene.start("--drain")
        code = scene.wait()
        if code and TOO_EARLY in scene.log.read_text():
            scene.start("--drain")  # as systemd does: its worker was killed while it started
            code = scene.wait()
        assert code == 0, scene.log.read_text()
        recovery = scene.drain()
        return Result(injected, scene.accounts(), recovery)


def _drop_face(scene: Scene) -> None:
    scene.drop(1, scene.face)


def _kill_service(
    scene: Scene, short: bool, begin: Callable[[Scene], None] = _drop_face, only: str = ""
) -> Result:
    """Begin a job, and kill its service, at each point; each run takes up what the last one left.

    A file operation that comes several times is tried at its first and at its last occurrence.
    """
    with closing(scene):
        passed = _passed(scene, "service", begin)
        step = SHORT_STEP if short and not only else 1
        labels = [label for label in passed if only in label and NAMING not in label][::step]
        kills = [(label, 1) for label in labels]
        kills += [(label, passed[label]) for label in labels if _comes_again(label, passed[label])]
        injected = sum(_strike(scene, begin, label, time) for label, time in kills)
        recovery = scene.drain()
        return Result(injected, scene.accounts(), recovery)


def _strike(scene: Scene, begin: Callable[[Scene], None], label: str, time: int) -> bool:
    """Whether the kill was done: every point must come that is no matter of time."""
    begin(scene)
    scene.start_with("--drain", role="service", label=label, time=time)
    code = scene.wait()
    if code == 0 and any(name in label for name in MATTERS_OF_TIME):
        return False
    assert code == -signal.SIGKILL, (
        f"{label} was not passed {time} times: {code}\n{scene.log.read_text()}"
    )
    return True


def _comes_again(label: str, times: int) -> bool:
    """Only files are as many each time: how often the loop looks is a matter of time."""
    return times > 1 and any(file in label for file in FILE_BY_FILE)


def _passed(scene: Scene, role: str, begin: Callable[[Scene], None]) -> Counter[str]:
    """The points of one job from its beginning to its end, in the order in which they come."""
    begin(scene)
    scene.forget_points()
    scene.start_with("--drain", role="nobody", label="no point")
    assert scene.wait() == 0, scene.log.read_text()
    found: Counter[str] = Counter()
    for (who, _, label), times in scene.passed().items():
        if who == role:
            found[label] += times
    return found


def _labels(scene: Scene, role: str, short: bool) -> list[str]:
    return list(_passed(scene, role, _drop_face))[:: SHORT_STEP if short else 1]


def _pending_job(scene: Scene) -> str:
    """One that was accepted by a service that died in that moment."""
    known = set(scene.jobs())
    scene.drop()
    scene.start_with(role="service", label="after commit in storage/queue.py:Queue.enqueue")
    assert scene.wait() == -signal.SIGKILL, scene.log.read_text()
    (job,) = set(scene.jobs()) - known
    return job


def _killed(scene: Scene, moment: str, command: str, job: str, state: str) -> int:
    """Kill the command once, then see to it that it is done."""
    injected = _struck(scene, moment, "jobs", command, job)
    if scene.jobs()[job][1] != state:
        scene.call_here("jobs", command, job)
    assert scene.jobs()[job][1] == state
    return injected


def _struck(scene: Scene, moment: str, *words: str) -> int:
    code = scene.call_with(*words, label=moment)
    assert code == -signal.SIGKILL, f"{words} was not killed {moment}: {code}"
    return 1


def _ends_within(scene: Scene, seconds: float) -> bool:
    assert scene.service is not None
    try:
        scene.service.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
