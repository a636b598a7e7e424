"""Whole videos: against the seed system's recipe, against the machine's limit, and where it goes.

    .venv/bin/python bench/pipeline.py

The same clips (10 s, 720p, a face) on the same two cores. Ours is judged in as many worker
processes as there are cores, one thread each, after each has judged one; the seed's recipe has the
machine to itself, with TensorFlow's own threads.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import figures
import numpy as np
from random_detectors import publish_v2b0
from seed_recipe import SeedRecipe
from speed_clips import talking_clip

from ddaemon.daemon.home.config import Config
from ddaemon.daemon.verify.checker import Checker
from ddaemon.isolation.process import WorkerProcess
from ddaemon.isolation.sandbox.confinement import Confinement
from ddaemon.record.schema import Verdict
from ddaemon.stages.faces import FaceReader
from ddaemon.stages.media.pyav import open_video
from ddaemon.stages.networks.detector import load_detector
from ddaemon.storage.registry import DetectorFolder, Registry, read_detector

CLIPS, SEED_CLIPS = 2, 1
CORES = len(os.sched_getaffinity(0))
SEED_FRAMES = 300
Settings = dict[str, Any]
UNCHECKED: Settings = {"gradcam": {"check": False}}


@dataclass(frozen=True, slots=True)
class Way:
    """A way of judging, and how many times the seed's throughput it should have."""

    name: str
    aim: float
    detector: DetectorFolder
    asked: Settings


def measure() -> Iterator[figures.Figure]:
    """Everything about whole videos."""
    with tempfile.TemporaryDirectory() as folder:
        clips = [talking_clip(Path(folder) / f"{i}.mp4", seed=i) for i in range(CLIPS + 1)]
        seed_s = _seed_seconds(clips, Path(folder))
        v2b0 = publish_v2b0(Path(folder) / "v2b0-224")
        bundled = Registry.of_bundled().active()
        many: Settings = {"frames": {"count": SEED_FRAMES}, "faces": {"mode": "frame"}}
        for way in (
            Way("300 frames, EfficientNetV2B0 at 224 px, Grad-CAM", 5, v2b0, many | UNCHECKED),
            Way("the same, heatmaps checked", 5, v2b0, many),
            Way("the default: 32 frames, face crops, heatmaps checked", 25, bundled, {}),
            Way("the same, heatmaps unchecked", 25, bundled, UNCHECKED),
        ):
            yield from _against(seed_s, way, clips)


def _against(seed_s: float, way: Way, clips: Sequence[Path]) -> Iterator[figures.Figure]:
    """One way of judging: against the seed's, against the limit, and the share of Grad-CAM."""
    ours, records = _our_seconds(clips, way)
    rates = f"{3600 / ours:.0f} videos/hour against {3600 / seed_s:.0f}"
    what = f"throughput over the seed's recipe; {way.name}"
    yield figures.at_least(what, way.aim, seed_s / ours, aside=rates)
    limit, parts = _limit_seconds(clips[1], way)
    what = f"throughput over the roofline; {way.name}"
    yield figures.at_least(what, 0.9, limit / ours, aside=parts)
    share = statistics.median(_share(record, ("gradcam", "report")) for record in records)
    what = f"share of Grad-CAM and report in a job; {way.name}"
    yield figures.at_most(what, 5, 100 * share, "%")


def _seed_seconds(clips: Sequence[Path], folder: Path) -> float:
    """Seconds a video."""
    recipe = SeedRecipe()
    recipe.judge(clips[0], folder / "seed-warm")
    times = [
        figures.seconds(partial(recipe.judge, clip, folder / f"seed-{clip.stem}"))
        for clip in clips[1 : 1 + SEED_CLIPS]
    ]
    return statistics.median(times)


def _our_seconds(clips: Sequence[Path], way: Way) -> tuple[float, list[Verdict]]:
    """Seconds a video with all cores at work, and the records."""
    config = Config.model_validate(way.asked)
    with ExitStack() as stack:
        checkers = [stack.enter_context(Checker(config, way.detector, clips)) for _ in range(CORES)]
        threads = stack.enter_context(ThreadPoolExecutor(CORES))
        list(threads.map(lambda checker: checker.check(clips[0]), checkers))
        free = list(checkers)

        def judge(clip: Path) -> Verdict:
            checker = free.pop()
            record = checker.check(clip)
            free.append(checker)
            return record

        begun = time.perf_counter()
        records = list(threads.map(judge, clips[1:]))
        return (time.perf_counter() - begun) / len(records), records


def _limit_seconds(clip: Path, way: Way) -> tuple[float, str]:
    """Seconds a video if decoding and the networks were all: their sum over the cores.

    Measured in as many processes at once as there are cores, as the pipeline runs.
    """
    config = Config.model_validate(way.asked)
    asked = (clip, way.detector.path, way.detector.bundled, config)
    workers = [WorkerProcess(100, Confinement(mode="off")) for _ in range(CORES)]
    try:
        futures = [worker.submit(_bare_seconds, *asked) for worker in workers]
        parts = np.median([future.result() for future in futures], axis=0)
    finally:
        for worker in workers:
            worker.stop()
    names = ("decoding", "finding faces", "backbone")
    aside = ", ".join(f"{name} {s:.2f} s" for name, s in zip(names, parts, strict=True))
    return float(sum(parts)) / CORES, f"on one core: {aside}"


def _bare_seconds(
    clip: Path, folder: Path, bundled: bool, config: Config
) -> tuple[float, float, float]:
    """In a worker: seconds of decoding, of finding faces, and of the backbone, each alone."""
    settings = config.for_stages()
    detector = load_detector(read_detector(folder, bundled=bundled), settings.features)
    preprocessing, threads = detector.record.preprocessing, settings.features.threads
    shape = (settings.features.batch, preprocessing.size, preprocessing.size, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    reader = FaceReader(settings.faces, preprocessing.crop.side, threads)

    def decode() -> list[Any]:
        asked = settings.frames
        with open_video(clip, max_pixels=asked.max_pixels, max_seconds=asked.max_seconds) as source:
            return [frame.image for frame in source.sample(asked.count)]

    images = [] if settings.faces.mode == "frame" else decode()
    works = (
        decode,
        lambda: [reader.read(image) for image in images],
        lambda: detector.extract(noise),
    )
    decoding, finding, batch = (min(times) for times in figures.in_turns(works, 3))
    return decoding, finding, batch * settings.frames.count / len(noise)


def _share(record: Verdict, names: Sequence[str]) -> float:
    stages = {stage["name"]: stage["seconds"] for stage in record["stages"]}
    return float(sum(stages[name] for name in names) / sum(stages.values()))


if __name__ == "__main__":
    figures.main(measure)
