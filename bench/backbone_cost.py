"""What a face costs: the detector's backbone against EfficientNetV2B0 at 224 px, in one run.

    .venv/bin/python bench/backbone_cost.py

Both run through OpenVINO in float32 on one thread, as serving does; V2B0's weights are random,
which changes no cost. The two take turns, and the ratio is taken pair by pair.
"""

import statistics
import time
from collections.abc import Callable

import click
import numpy as np

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.backbone import OpenVinoBackbone
from ddaemon.stages.networks.description import describe
from ddaemon.stages.networks.imagenet import V2B0, with_vector
from ddaemon.stages.training.start import start_of_detector
from ddaemon.storage.detector_record import PreprocessingRecord
from ddaemon.storage.registry import Registry

BATCH, THREADS, V2B0_SIDE = 16, 1, 224


@click.command()
@click.option("--detector", help="By default the bundled one.")
@click.option("--rounds", default=10, show_default=True)
def main(detector: str | None, rounds: int) -> None:
    registry = Registry.of_bundled()
    start = start_of_detector(registry.get(detector) if detector else registry.active())
    ours = OpenVinoBackbone(start.description, start.arrays, start.preprocessing, THREADS)
    named = f"{start.backbone} at {start.preprocessing.size} px"
    theirs = _v2b0(start.preprocessing)
    run_ours, run_theirs = _on_noise(ours, start.preprocessing.size), _on_noise(theirs, V2B0_SIDE)
    run_ours(), run_theirs()  # the first run plans its memory
    pairs = [(_seconds(run_ours), _seconds(run_theirs)) for _ in range(rounds)]
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{named} over {V2B0} at {V2B0_SIDE} px, {rounds} pairs of {BATCH} faces: {ratio:.2f}")
    for name, times in zip((named, V2B0), zip(*pairs, strict=True), strict=True):
        print(f"  {name}: {1000 * statistics.median(times) / BATCH:.1f} ms a face")


def _v2b0(like: PreprocessingRecord) -> OpenVinoBackbone:
    import keras

    bare = keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    network = with_vector(bare)
    asked = like.model_copy(update={"size": V2B0_SIDE})
    return OpenVinoBackbone(describe(network), get_arrays(network), asked, THREADS)


def _on_noise(backbone: OpenVinoBackbone, side: int) -> Callable[[], object]:
    faces = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    return lambda: backbone.run(faces)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
