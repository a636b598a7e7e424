"""What is drawn for one epoch: the videos, how many steps of each, and which steps."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..array_types import Floats32
from .data import Material

MIN_BATCHES = 10  # per epoch
Batch = tuple[Floats32, Floats32, Floats32]


def batch_size(material: Material, wanted: int) -> int:
    """The size of a batch, limited so that it holds no video twice."""
    return min(wanted, len(material))


def batches_per_epoch(material: Material, size: int) -> int:
    """Enough for one pass over the videos; the last batch is filled up from a second pass."""
    return max(MIN_BATCHES, -(-len(material) // size))


def epoch_batches(material: Material, size: int, random: np.random.Generator) -> Iterator[Batch]:
    """Vectors (size, steps, width), labels (size, 1; 1 is fake) and weights (size,).

    All videos of a batch give the same number of steps; it is drawn from 1 to the longest
    sequence's, so that the head can judge videos of any length.
    """
    longest = int(material.lengths.max())
    for videos in _passes(len(material), size, batches_per_epoch(material, size), random):
        steps = int(random.integers(1, longest, endpoint=True))
        rows = material.starts[videos, None] + draw_steps(material.lengths[videos], steps, random)
        labels = material.fake[videos, None].astype(np.float32)
        yield material.gather(rows), labels, material.weights[videos]


def draw_steps(
    lengths: NDArray[np.int64], steps: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """For each sequence, `steps` of its steps in order of time: (sequences, steps).

    No step is drawn twice where there are enough; else all are used, repeated evenly.
    """
    longest = max(steps, int(lengths.max()))
    keys = random.random((len(lengths), longest))
    keys[np.arange(longest) >= lengths[:, None]] = 2.0  # never before a step that exists
    drawn = np.sort(np.argsort(keys, axis=1)[:, :steps], axis=1)
    repeated = np.arange(steps) * lengths[:, None] // steps
    return np.where((lengths >= steps)[:, None], drawn, repeated)


def _passes(
    count: int, size: int, batches: int, random: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """`batches` times `size` of `count` numbers: each comes once before any comes again."""
    passes = -(-size * batches // count)
    order = np.concatenate([random.permutation(count) for _ in range(passes)])
    yield from order[: size * batches].reshape(batches, size)
