"""The real service draining an inbox of demo clips."""

from datetime import datetime
from pathlib import Path

from workers import CLIPS

from ddaemon.record.file import read_record
from ddaemon.record.schema import Verdict
from ddaemon.tests.clips import unlike
from ddaemon.tests.service import Ddaemon

VIDEOS = 24


def videos_a_second(folder: Path, settings: str) -> float:
    """From the first job's start to the last verdict: the service's own start and the settling
    are not counted. `folder` is made, `settings` are lines of ddaemon.toml."""
    records = drained(folder, settings)
    began = min(datetime.fromisoformat(record["started_at"]) for record in records)
    ended = max(datetime.fromisoformat(record["finished_at"]) for record in records)
    return VIDEOS / (ended - began).total_seconds()


def drained(folder: Path, settings: str) -> list[Verdict]:
    """The records of `VIDEOS` verdicts."""
    service = Ddaemon(folder / "home")
    folder.mkdir()
    service.call("init")
    service.configure(f"[inbox]\nsettle = 0.5\n{settings}")
    for number in range(VIDEOS):
        source = CLIPS / ("demo-forged.mp4" if number % 2 else "demo-real.mp4")
        unlike(source, service.inbox / f"{number}.mp4", number)
    service.start("--drain")
    assert service.wait() == 0, service.log.read_text()
    records = [read_record(path.parent) for path in service.outbox.glob("*/verdict.json")]
    assert len(records) == VIDEOS
    return records
