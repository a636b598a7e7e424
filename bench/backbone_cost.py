"""What a face costs: the detector's backbone against EfficientNetV2B0 at 224 px, in one run.

    .venv/bin/python bench/backbone_cost.py

Both run through OpenVINO in float32 on one thread, as serving does; V2B0's weights are random,
which changes no cost. The two take turns, and the ratio is taken pair by pair; the interval (95 %)
is of the median, from a bootstrap over pairs.
"""

import statistics
from collections.abc import Callable

import click
import numpy as np
from figures import in_turns

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.backbone import OpenVinoBackbone
from ddaemon.stages.networks.description import describe
from ddaemon.stages.networks.imagenet import V2B0, with_vector
from ddaemon.storage.detector_record import PreprocessingRecord
from ddaemon.storage.registry import Registry
from ddaemon.training.features.initial_weights import initial_weights_of_detector

BATCH, THREADS, V2B0_SIDE = 16, 1, 224
RESAMPLES = 2000


@click.command()
@click.option("--detector", help="By default the bundled one.")
@click.option("--rounds", default=20, show_default=True)
def main(detector: str | None, rounds: int) -> None:
    registry = Registry.of_bundled()
    start = initial_weights_of_detector(registry.get(detector) if detector else registry.active())
    ours = OpenVinoBackbone(start.description, start.arrays, start.preprocessing, THREADS)
    named = f"{start.backbone} at {start.preprocessing.size} px"
    theirs = _v2b0(start.preprocessing)
    works = _on_noise(ours, start.preprocessing.size), _on_noise(theirs, V2B0_SIDE)
    times = in_turns(works, rounds)
    pairs = [one / other for one, other in zip(*times, strict=True)]
    drawn = np.random.default_rng(0).choice(pairs, (RESAMPLES, rounds))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    print(f"{named} over {V2B0} at {V2B0_SIDE} px, {rounds} pairs of {BATCH} faces: "
          f"{statistics.median(pairs):.3f} [{low:.3f}, {high:.3f}]")  # fmt: skip
    for name, taken in zip((named, V2B0), times, strict=True):
        print(f"  {name}: {1000 * statistics.median(taken) / BATCH:.1f} ms a face")


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


if __name__ == "__main__":
    main()
