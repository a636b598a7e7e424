"""What a second worker brings on two cores: the real service, draining the same inbox.

.venv/bin/python bench/worker_count.py
"""

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from figures import Figure, at_least, main, told
from workers import CLIPS

from ddaemon.tests.clips import unlike
from ddaemon.tests.service import Ddaemon

VIDEOS = 24
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
                taken.append(_rate(Path(folder) / f"{number}-{workers}", workers))
        pairs = zip(*rates.values(), strict=True)
        gains = sorted(two / one for one, two in pairs)
        best = {workers: 3600 * max(taken) for workers, taken in rates.items()}
        aside = f"rounds: {', '.join(f'{gain:.2f}' for gain in gains)}"
        middle = sum(gains) / len(gains)
        yield at_least("workers 1 to 2 on two cores", AIM, middle, "x", aside)
        yield told("demo clips an hour, one worker", best[1], "videos", "best round")
        yield told("demo clips an hour, two workers", best[2], "videos", "best round")


def _rate(folder: Path, workers: int) -> float:
    """Of jobs while the service was judging: its start and the settling are not counted."""
    service = Ddaemon(folder / "home")
    folder.mkdir()
    service.call("init")
    service.configure(f"[inbox]\nsettle = 0.5\n[workers]\ncount = {workers}\n")
    for number in range(VIDEOS):
        source = CLIPS / ("demo-forged.mp4" if number % 2 else "demo-real.mp4")
        unlike(source, service.inbox / f"{number}.mp4", number)
    service.start("--drain")
    assert service.wait() == 0, service.log.read_text()
    records = [json.loads(path.read_bytes()) for path in service.outbox.glob("*/verdict.json")]
    assert len(records) == VIDEOS
    began = min(datetime.fromisoformat(record["started_at"]) for record in records)
    ended = max(datetime.fromisoformat(record["finished_at"]) for record in records)
    return VIDEOS / (ended - began).total_seconds()


if __name__ == "__main__":
    main(measure)
