"""What a million finished jobs cost the queue: the same work beside a thousand of them, in turns.

.venv/bin/python bench/queue_size.py
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from command_start import call
from figures import Figure, at_least, at_most, in_turns, main, ratio, told
from filled import LEASE_S, arrival, finished_home

from ddaemon.daemon.home import Home
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Arrival, Claim, Outcome, Queue

FEW, MANY = 1_000, 1_000_000
ROUNDS = 40  # of what takes milliseconds, each with its own write to the disk
COMMAND_ROUNDS = 9
AIM = 1.5
ENQUEUED = 20_000
AIM_A_SECOND = 1_000


def measure() -> Iterator[Figure]:
    """Ratios of claim, finish and status; then how fast new files are queued."""
    with tempfile.TemporaryDirectory() as folder:
        small = finished_home(Path(folder) / "few", FEW)
        yield _enqueue_rate(Path(folder) / "empty")
        begun = time.monotonic()
        large = finished_home(Path(folder) / "many", MANY)
        filled = f"filled in {time.monotonic() - begun:.0f} s"
        yield from _work(small, large)
        for words in (("status",), ("jobs", "list")):
            taken = in_turns([lambda h=h: call(h.path, *words) for h in (small, large)], 9)
            yield _grown(f"`ddaemon {' '.join(words)}`", taken)
        yield told("database of 1,000,000 finished jobs", _gigabytes(large), "GB", filled)


def _work(*homes: Home) -> Iterator[Figure]:
    benches = [Bench(home) for home in homes]
    yield _grown("claim", in_turns([bench.claim for bench in benches], ROUNDS))
    yield _grown("publish", in_turns([bench.publish for bench in benches], ROUNDS))
    yield _grown("finish", in_turns([bench.finish for bench in benches], ROUNDS))
    yield _grown("look for work", in_turns([bench.look for bench in benches], ROUNDS))


class Bench:
    """One queue with as many pending jobs as there are rounds, and what is done to each."""

    def __init__(self, home: Home) -> None:
        self._queue = Queue(Database.open(home.database))
        for what in _arrivals(home.inbox, ROUNDS + 1):
            self._queue.enqueue(what)
        self._claims: list[Claim] = []
        self._published: list[Claim] = []

    def claim(self) -> None:
        claim = self._queue.claim(LEASE_S)
        assert claim is not None
        self._claims.append(claim)

    def publish(self) -> None:
        claim = self._claims.pop()
        self._queue.begin_publishing(claim, Outcome("real", None, 0.1), f"clip-{claim.job}")
        self._published.append(claim)

    def finish(self) -> None:
        self._queue.finish(self._published.pop().job, "e" * 64)

    def look(self) -> None:
        """What the service asks while nothing happens."""
        self._queue.reclaim()
        self._queue.half_done()
        self._queue.open_jobs()
        assert self._queue.claim(LEASE_S) is None


def _arrivals(inbox: Path, count: int) -> Iterator[Arrival]:
    for number in range(count):
        yield arrival(inbox / f"new{number}.mp4", f"f{number:063x}")


def _enqueue_rate(path: Path) -> Figure:
    home = finished_home(path, 1)
    queue = Queue(Database.open(home.database))
    new = list(_arrivals(home.inbox, ENQUEUED))
    begun = time.perf_counter()
    for what in new:
        queue.enqueue(what)
    rate = ENQUEUED / (time.perf_counter() - begun)
    return at_least(f"enqueue of {ENQUEUED:,} files", AIM_A_SECOND, rate, "a second")


def _grown(what: str, taken: list[list[float]]) -> Figure:
    small, large = taken
    aside = f"{1000 * median(small):.1f} ms against {1000 * median(large):.1f} ms"
    return at_most(
        f"{what}, {MANY:,} finished jobs to {FEW:,}", AIM, ratio(small, large), "x", aside
    )


def _gigabytes(home: Home) -> float:
    return home.database.stat().st_size / 1e9


if __name__ == "__main__":
    main(measure)
