"""The real service at its default settings: how soon a complete file has a verdict while nothing
else waits, and what the service costs while nothing happens.

    .venv/bin/python bench/service_cost.py
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
from figures import Figure, at_most, main, told
from moving_portrait import write_clip

from ddaemon.daemon.home.config import InboxSettings
from ddaemon.tests.clips import unlike
from ddaemon.tests.service import Ddaemon

FILES, CLIP_SECONDS = 6, 10
LOOK_S = 0.005
IDLE_S = 30.0
QUIET_S = 3.0  # after the last verdict, before idling is measured
AIM_BEYOND_S, AIM_MB, AIM_CORE = 1.5, 80.0, 0.5
SETTLE_S = InboxSettings().settle


def measure() -> Iterator[Figure]:
    """One service: first the files, one after the other, then nothing at all. Then another one,
    whose worker may use a second core."""
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", 1280, 720, CLIP_SECONDS)
        with _running(Path(folder) / "one" / "home") as service:
            first, alone = _to_verdict(service, clip)
            what = f"complete file to verdict beyond {SETTLE_S:g} s of settling, 10 s of 720p"
            aside = f"median of {FILES - 1}; the first file {first:.2f} s"
            yield at_most(what, AIM_BEYOND_S, alone, "s", aside)
            yield from _idle(service)
        with _running(Path(folder) / "two" / "home", "[features]\nthreads = 2\n") as service:
            first, together = _to_verdict(service, clip)
            aside = f"{together:.2f} s; the first file {first:.2f} s"
            yield told("the same with features.threads = 2", together / alone, "x", aside)


@contextmanager
def _running(home: Path, settings: str = "") -> Iterator[Ddaemon]:
    home.parent.mkdir()
    service = Ddaemon(home)
    service.call("init")
    service.configure(settings)
    service.start()
    try:
        service.until(lambda: service.status()["service"]["since"], "a service")
        yield service
    finally:
        service.stop()


def _to_verdict(service: Ddaemon, clip: Path) -> tuple[float, float]:
    """Seconds beyond settling: of the first file, and the median of the others."""
    first, *others = [_one(service, clip, number) - SETTLE_S for number in range(FILES)]
    return first, median(others)


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
