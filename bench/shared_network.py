"""One network for all workers against one in each, on whatever the network runs on here.

    .venv/bin/python bench/shared_network.py

Crops alone: as many workers as cores send batches of noise, with nothing else to do, so that this
is the most that batches across jobs can bring. Whole videos: the real service draining an inbox,
where workers decode and find faces while others' crops are run. On a machine with a GPU (and
ddaemon[gpu]) the engine is TensorFlow, else OpenVINO; the aside says which it was.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from drained import videos_a_second
from figures import Figure, main, ratio, seconds, told
from random_detectors import publish_v2b0

from ddaemon.daemon.dispatch.confining import confine_worker
from ddaemon.daemon.dispatch.networks import Networks
from ddaemon.daemon.home.config import Config
from ddaemon.isolation.process import WorkerProcess
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.registry import DetectorFolder, Registry

WORKERS = max(2, len(os.sched_getaffinity(0)))
BATCHES = 8  # of each worker in a round
ROUNDS, DRAINS = 5, 2
WAYS = ("never", "always")


def measure() -> Iterator[Figure]:
    """Ratios of the time with a network each to the time with one for all."""
    with tempfile.TemporaryDirectory() as folder:
        bundled = Registry.of_bundled().active()
        v2b0 = publish_v2b0(Path(folder) / "v2b0-224")
        for name, detector in (("bundled detector", bundled), ("EfficientNetV2B0", v2b0)):
            yield from _of_crops(name, detector)
        yield _of_videos(Path(folder))


def _of_crops(name: str, detector: DetectorFolder) -> Iterator[Figure]:
    """Each way has its own workers, all of them loaded, and they are asked in turns."""
    with ExitStack() as stack:
        crowds = {way: _Crowd(detector, way) for way in WAYS}
        for crowd in crowds.values():
            stack.callback(crowd.stop)
            crowd.run()  # loads, and is not counted
        taken = [[seconds(crowds[way].run) for way in WAYS] for _ in range(ROUNDS)]
        own, shared = zip(*taken, strict=True)
        crops = WORKERS * BATCHES * Config().features.batch
        aside = f"{WORKERS} workers, {crowds['always'].engine}; {crops / min(shared):.0f} a second"
        what = f"{name}: crops a second, one network for all to one each"
        yield told(what, ratio(shared, own), "x", aside)
        held = {way: crowd.resident_mb() for way, crowd in crowds.items()}
        aside = f"{held['always']:.0f} MB to {held['never']:.0f} MB"
        what = f"{name}: memory of workers and network, one for all to one each"
        yield told(what, held["always"] / held["never"], "x", aside)


def _of_videos(folder: Path) -> Figure:
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(DRAINS):
        for way, found in rates.items():
            settings = f'[workers]\ncount = {WORKERS}\n[features]\nshared = "{way}"\n'
            found.append(videos_a_second(folder / f"{number}-{way}", settings))
    what = "demo clips a second, one network for all workers to one each"
    aside = f"{WORKERS} workers; {', '.join(f'{rate:.2f}' for rate in rates['always'])} a second"
    return told(what, ratio(rates["never"], rates["always"]), "x", aside)


class _Crowd:
    """Workers that send crops, with one network for all or one each."""

    def __init__(self, detector: DetectorFolder, way: str) -> None:
        config = Config.model_validate({"features": {"shared": way}})
        self._detector, self._settings = detector, config.features
        self._networks = Networks()
        self._network = self._networks.of(detector, config, [detector.path])
        self._folder = tempfile.TemporaryDirectory()
        shares = self._network is not None
        read = (detector.path, Path(__file__).parent)
        walls = confine_worker(config, read, Path(self._folder.name), shares=shares)
        self._workers = [WorkerProcess(10_000, walls, self._network) for _ in range(WORKERS)]
        self.engine = ""

    def run(self) -> None:
        """All workers at once."""
        asked = self._detector, self._settings
        futures = [worker.submit(_extract, *asked) for worker in self._workers]
        self.engine, *_ = [future.result() for future in futures]

    def resident_mb(self) -> float:
        """What all of them hold, the network's process included."""
        return sum(worker.memory_bytes() for worker in self._held()) / 1e6

    def _held(self) -> Sequence[WorkerProcess]:
        return [*self._workers, *([self._network.process] if self._network else [])]

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._networks.stop()
        self._folder.cleanup()


def _extract(detector: DetectorFolder, settings: FeaturesSettings) -> str:
    """In a worker: run batches of noise; the engine's name."""
    loaded = load_detector(detector, settings)
    size = loaded.record.preprocessing.size
    crops = np.random.default_rng(0).integers(0, 256, (settings.batch, size, size, 3), np.uint8)
    for _ in range(BATCHES):
        loaded.extract(crops)
    return loaded.backbone.engine


if __name__ == "__main__":
    main(measure)
