"""The real service at its default settings: how soon a complete file has a verdict while nothing
else waits, and what the service costs while nothing happens.

    .venv/bin/python bench/service_cost.py
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
from figures import Figure, at_most, main, told
from moving_portrait import write_clip

from ddaemon.daemon.config import InboxSettings
from ddaemon.tests.clips import unlike
from ddaemon.tests.service import Ddaemon

FILES, CLIP_SECONDS = 6, 10
LOOK_S = 0.005
IDLE_S = 30.0
QUIET_S = 3.0  # after the last verdict, before idling is measured
AIM_BEYOND_S, AIM_MB, AIM_CORE = 1.5, 80.0, 0.5
SETTLE_S = InboxSettings().settle


def measure() -> Iterator[Figure]:
    """One service: first the files, one after the other, then nothing at all."""
    with tempfile.TemporaryDirectory() as folder:
        service = Ddaemon(Path(folder) / "home")
        service.call("init")
        clip = write_clip(Path(folder) / "clip.mp4", 1280, 720, CLIP_SECONDS)
        service.start()
        try:
            service.until(lambda: service.status()["service"]["since"], "a service")
            yield _to_verdict(service, clip)
            yield from _idle(service)
        finally:
            service.stop()


def _to_verdict(service: Ddaemon, clip: Path) -> Figure:
    first, *others = [_one(service, clip, number) for number in range(FILES)]
    beyond = median(others) - SETTLE_S
    aside = f"median of {len(others)}; the first file {first - SETTLE_S:.2f} s"
    what = f"complete file to verdict beyond {SETTLE_S:g} s of settling, 10 s of 720p"
    return at_most(what, AIM_BEYOND_S, beyond, "s", aside)


def _one(service: Ddaemon, clip: Path, number: int) -> float:
    """Seconds from the moment a file appears whole until its folder is in the outbox."""
    video = unlike(clip, clip.with_name(f"video{number}.mp4"), number)
    begun = time.perf_counter()
    video.rename(service.inbox / video.name)
    while not any(service.outbox.glob(f"{video.stem}-*")):
        time.sleep(LOOK_S)
    return time.perf_counter() - begun


def _idle(service: Ddaemon) -> Iterator[Figure]:
    assert service.service is not None
    time.sleep(QUIET_S)
    own = psutil.Process(service.service.pid)
    family = [own, *own.children(recursive=True)]
    before, begun = _busy(family), time.perf_counter()
    time.sleep(IDLE_S)
    share = 100 * (_busy(family) - before) / (time.perf_counter() - begun)
    yield at_most("service idle: of a core, workers included", AIM_CORE, share, "%")
    yield at_most("service idle: resident memory", AIM_MB, _megabytes(own), "MB")
    workers = sum(_megabytes(process) for process in family[1:])
    yield told("the idle service's worker and examiner", workers, "MB")


def _busy(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


if __name__ == "__main__":
    main(measure)
