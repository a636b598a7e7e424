"""What a second worker brings on two cores: the real service, draining the same inbox.

.venv/bin/python bench/worker_count.py
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from drained import videos_a_second
from figures import Figure, at_least, main, told

ROUNDS = 2
AIM = 1.8


def measure() -> Iterator[Figure]:
    """Videos a second from the first one's start to the last one's verdict, in turns."""
    if (os.cpu_count() or 1) < 2:
        return
    with tempfile.TemporaryDirectory() as folder:
        rates: dict[int, list[float]] = {1: [], 2: []}
        for number in range(ROUNDS):
            for workers, taken in rates.items():
                home = Path(folder) / f"{number}-{workers}"
                taken.append(videos_a_second(home, f"[workers]\ncount = {workers}\n"))
        pairs = zip(*rates.values(), strict=True)
        gains = sorted(two / one for one, two in pairs)
        best = {workers: 3600 * max(taken) for workers, taken in rates.items()}
        aside = f"rounds: {', '.join(f'{gain:.2f}' for gain in gains)}"
        middle = sum(gains) / len(gains)
        yield at_least("workers 1 to 2 on two cores", AIM, middle, "x", aside)
        yield told("demo clips an hour, one worker", best[1], "videos", "best round")
        yield told("demo clips an hour, two workers", best[2], "videos", "best round")


if __name__ == "__main__":
    main(measure)
