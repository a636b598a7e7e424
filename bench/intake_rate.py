"""How fast new files are accepted: by the queue alone, and by the real service from its inbox.

.venv/bin/python bench/intake_rate.py
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, at_least, main, told
from filled import arrivals, finished_home

from ddaemon.daemon.intake.examiners import BATCH_FILES
from ddaemon.storage.database import Database
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.queue import Queue
from ddaemon.tests.service import Ddaemon

FILES = 20_000
AIM_A_SECOND = 1_000
LIMIT_S = 15.0  # then what was accepted so far is counted
LOOK_S = 0.1


def measure() -> Iterator[Figure]:
    """Files a second."""
    with tempfile.TemporaryDirectory() as folder:
        yield _by_queue(Path(folder) / "queue")
        yield _by_service(Path(folder) / "service")


def _by_queue(path: Path) -> Figure:
    home = finished_home(path, 1)
    queue = Queue(Database.open(home.database))
    new = list(arrivals(home.inbox, FILES))
    begun = time.perf_counter()
    for start in range(0, FILES, BATCH_FILES):
        queue.enqueue_all(new[start : start + BATCH_FILES])
    rate = FILES / (time.perf_counter() - begun)
    return at_least(f"enqueue of {FILES:,} files", AIM_A_SECOND, rate, "a second")


def _by_service(path: Path) -> Figure:
    """Files that are no videos, so that next to nothing but the intake is at work."""
    service = Ddaemon(path / "home")
    path.mkdir()
    service.call("init")
    service.configure("[inbox]\nsettle = 0.5\n")
    for number in range(FILES):
        (service.inbox / f"{number}.mp4").write_bytes(b"no video %d" % number)
    service.start()
    try:
        ledger = JobReader(service.home / "state.db")
        service.until(lambda: _accepted(ledger), "a first job")
        rate, accepted = _watched(ledger)
        ledger.close()
    finally:
        service.stop()
    aside = f"{accepted:,} of {FILES:,} looked at, while a worker judges"
    return told("files a second, from the inbox into the queue", rate, "a second", aside)


def _watched(ledger: JobReader) -> tuple[float, int]:
    before, begun = _accepted(ledger), time.perf_counter()
    while (now := _accepted(ledger)) < FILES and time.perf_counter() - begun < LIMIT_S:
        time.sleep(LOOK_S)
    return (now - before) / (time.perf_counter() - begun), now - before


def _accepted(ledger: JobReader) -> int:
    return sum(ledger.counts().values())


if __name__ == "__main__":
    main(measure)
