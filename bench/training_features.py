"""The step `features` of `ddaemon train`: against the service's own pace, and over a warm cache.

.venv/bin/python bench/training_features.py
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, at_least, at_most, main, seconds
from workers import CLIPS, DEMO, fresh_checker

from ddaemon.stages.settings import FramesSettings
from ddaemon.storage.content import hash_file
from ddaemon.storage.registry import Registry
from ddaemon.tests.clips import unlike
from ddaemon.training.datasets.rows import FAKE, REAL, TRAIN, Row
from ddaemon.training.features.collect import Job, compute, gather
from ddaemon.training.features.initial_weights import (
    initial_weights_of_detector,
    save_initial_weights,
)
from ddaemon.training.features.plan import Plan, make_plan
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent

VIDEOS = 24
AIM_PACE, AIM_SHARE = 0.9, 5.0  # the process's start is in the first
LOOKED_AT = ("frames", "faces", "features")  # the stages that both do


def measure() -> Iterator[Figure]:
    """Demo clips, each with bytes of its own, through one process, as the service has one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, plan = _rows(folder), _plan(folder)
        first = seconds(lambda: _features(rows, plan, folder))
        second = seconds(lambda: _features(rows, plan, folder))
    each = _served()
    pace = each * VIDEOS / first
    aside = f"{first / VIDEOS:.2f} s a clip, the service's stages {each:.2f} s"
    yield at_least("training features, clips a second to the service's", AIM_PACE, pace, "x", aside)
    aside = f"{first:.1f} s, then {second:.2f} s"
    share = 100 * second / first
    yield at_most("training features again, of the first run", AIM_SHARE, share, "%", aside)


def _rows(folder: Path) -> list[Row]:
    rows = []
    for number in range(VIDEOS):
        label = FAKE if number % 2 else REAL
        source = DEMO if label == FAKE else CLIPS / "demo-real.mp4"
        video = unlike(source, folder / f"{number}.mp4", number)
        rows.append(Row(video.name, label, video.stem, split=TRAIN, sha256=hash_file(video)))
    return rows


def _plan(folder: Path) -> Plan:
    start = initial_weights_of_detector(Registry.of_bundled().active())
    save_initial_weights(start, folder / "start")
    count = FramesSettings().count
    cache = folder / "cache"
    return make_plan(folder / "start", start.digest, start.preprocessing, count, cache)


def _features(rows: list[Row], plan: Plan, folder: Path) -> None:
    job = Job(folder, plan, workers=1)
    lost = compute(rows, job, "vectors", Journal(folder / "journal.jsonl"), silent)
    collected = gather(rows, plan, lost, folder / "run")
    assert len(collected.rows) == len(rows), collected.left_out


def _served() -> float:
    """Seconds that a warm worker of the service takes for the same of one clip."""
    with fresh_checker() as checker:
        checker.check(DEMO)
        records = [checker.check(DEMO) for _ in range(5)]
    took = [{stage["name"]: stage["seconds"] for stage in record["stages"]} for record in records]
    return float(sorted(sum(one[name] for name in LOOKED_AT) for one in took)[len(took) // 2])


if __name__ == "__main__":
    main(measure)
