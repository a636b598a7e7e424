"""What a million finished jobs cost the queue: the same work beside a thousand of them, in turns.

.venv/bin/python bench/queue_size.py
"""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from command_start import call
from figures import Figure, at_most, in_turns, main, ratio, told
from filled import LEASE_S, arrivals, finished_home

from ddaemon.daemon.home.home import Home
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Claim, Outcome, Queue

FEW, MANY = 1_000, 1_000_000
ROUNDS = 40  # of what takes milliseconds, each with its own write to the disk
COMMAND_ROUNDS = 9
AIM = 1.5


def measure() -> Iterator[Figure]:
    """Each as a ratio, the median over pairs."""
    with tempfile.TemporaryDirectory() as folder:
        small = finished_home(Path(folder) / "few", FEW)
        begun = time.monotonic()
        large = finished_home(Path(folder) / "many", MANY)
        filled = f"filled in {time.monotonic() - begun:.0f} s"
        yield from _work(small, large)
        for words in (("status",), ("jobs", "list")):
            yield _grown(f"`ddaemon {' '.join(words)}`", _commands(words, small, large))
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
        for what in arrivals(home.inbox, ROUNDS + 1):
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


def _commands(words: tuple[str, ...], *homes: Home) -> list[list[float]]:
    return in_turns([partial(call, home.path, *words) for home in homes], COMMAND_ROUNDS)


def _grown(what: str, taken: list[list[float]]) -> Figure:
    small, large = taken
    aside = f"{1000 * median(small):.1f} ms against {1000 * median(large):.1f} ms"
    what = f"{what}: {MANY:,} finished jobs to {FEW:,}"
    return at_most(what, AIM, ratio(small, large), "x", aside)


def _gigabytes(home: Home) -> float:
    return home.state.stat().st_size / 1e9


if __name__ == "__main__":
    main(measure)
