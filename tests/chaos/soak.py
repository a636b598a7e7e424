"""Many short jobs in one life of the service and of its worker: nothing grows.

Memory is sampled after each portion of jobs. The first quarter warms up; of the rest the slope is
the median of all pairwise slopes (Theil 1950, Sen 1968), which a few odd samples don't move. It is
flat when the growth over the rest is below 5 % of the level, or below 10 MB.
"""

import statistics
from contextlib import closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import psutil

from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

JOBS, JOBS_SHORT = 2000, 64
PORTION, PORTION_SHORT = 100, 8
MAX_SHARE, MAX_BYTES = 0.05, 10_000_000
SLACK = 2  # descriptors or threads that come and go
LONG_LIVED = "[workers]\nrecycle = 100000\n"  # a fresh worker would hide what the old one leaked


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one process."""

    memory: int  # resident, bytes
    descriptors: int
    threads: int


@scenario("soak", "nothing: many short jobs in one life of the service and of its worker")
def soak(folder: Path, short: bool) -> Result:
    jobs, portion = (JOBS_SHORT, PORTION_SHORT) if short else (JOBS, PORTION)
    with closing(Scene(folder, LONG_LIVED)) as scene:
        scene.start()
        scene.wait_log("ready")
        samples: dict[str, list[Sample]] = {"service": [], "workers": []}
        for _ in range(jobs // portion):
            scene.drop(portion)
            scene.wait_settled()
            _sample(scene, samples)
        family = len(scene.worker_pids())
        assert scene.stop() == 0
        told = [_judge(name, taken[len(taken) // 4 :]) for name, taken in samples.items()]
        note = f"{', '.join(told)} over the last three quarters; {family} processes of its own"
        return Result(0, scene.accounts(), None, note)


def _sample(scene: Scene, samples: dict[str, list[Sample]]) -> None:
    assert scene.service is not None
    samples["service"].append(_look(psutil.Process(scene.service.pid)))
    workers = [_look(psutil.Process(pid)) for pid in scene.worker_pids()]
    samples["workers"].append(
        Sample(
            sum(one.memory for one in workers),
            sum(one.descriptors for one in workers),
            sum(one.threads for one in workers),
        )
    )


def _look(process: psutil.Process) -> Sample:
    with process.oneshot():
        return Sample(process.memory_info().rss, process.num_fds(), process.num_threads())


def _judge(name: str, taken: list[Sample]) -> str:
    memory = [sample.memory for sample in taken]
    slopes = [(b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(memory), 2)]
    growth = statistics.median(slopes) * (len(memory) - 1)
    level = statistics.median(memory)
    told = f"{name} {growth / 1e6:+.1f} MB of {level / 1e6:.0f}"
    assert growth < max(MAX_SHARE * level, MAX_BYTES), told
    for what in ("descriptors", "threads"):
        counts = [getattr(sample, what) for sample in taken]
        assert max(counts) - min(counts) <= SLACK, f"{name}: {what} {counts}"
    return told
