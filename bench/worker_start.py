"""A worker from its start to its first verdict, and what it holds in memory afterwards.

.venv/bin/python bench/worker_start.py
"""

from collections.abc import Iterator
from statistics import median

from figures import Figure, at_most, main, seconds
from workers import DEMO, fresh_checker, resident_mb

ROUNDS = 5
AIM_S, AIM_MB = 2.0, 450.0


def measure() -> Iterator[Figure]:
    """Medians over fresh processes, each of which judges the demo clip twice."""
    first, second, held = zip(*(_one() for _ in range(ROUNDS)), strict=True)
    aside = f"the second verdict {median(second):.2f} s"
    yield at_most("worker: start to first verdict", AIM_S, median(first), "s", aside)
    yield at_most("worker: resident memory", AIM_MB, median(held), "MB", f"most {max(held):.0f} MB")


def _one() -> tuple[float, float, float]:
    with fresh_checker() as checker:
        first = seconds(lambda: checker.check(DEMO))
        second = seconds(lambda: checker.check(DEMO))
        return first, second, resident_mb()[0]


if __name__ == "__main__":
    main(measure)
