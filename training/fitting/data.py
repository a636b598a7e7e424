"""What a head is fitted to and judged on: labelled sequences, recorded and synthetic."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import UserError
from ..array_types import Floats32, Labels
from ..features.sequences import Sequences

CHUNK_BYTES = 64 << 20  # of float32 in memory at a time


@dataclass(frozen=True, slots=True)
class SplitPart:
    """One split's videos, ready for fitting."""

    sequences: Sequences
    chosen: NDArray[np.int64]  # sequence numbers, one per video
    fake: Labels  # (videos,) aligned with chosen
    groups: tuple[str, ...]  # (videos,) aligned with chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def means(self) -> Floats32:
        """The mean vector of each video: (videos, width)."""
        return self.sequences.means(self.chosen)


@dataclass(frozen=True, slots=True)
class Material:
    """Sequences of any length, mapped from their file; only what is gathered is in memory."""

    vectors: NDArray[Any]  # (rows, width), floats; may be mapped from a file
    starts: NDArray[np.int64]  # (videos,): the row where each begins
    lengths: NDArray[np.int64]  # (videos,): steps
    fake: Labels
    weights: Floats32  # (videos,): in the loss
    made: NDArray[Any]  # (made rows, width): synthetic; numbered on after `vectors`

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1])

    def gather(self, rows: NDArray[np.int64]) -> Floats32:
        """The vectors of `rows` (any shape): (*rows.shape, width)."""
        flat, border = rows.ravel(), len(self.vectors)
        found = np.empty((len(flat), self.width), np.float32)
        real = flat < border
        found[real] = self.vectors[flat[real]]
        found[~real] = self.made[flat[~real] - border]
        return found.reshape(*rows.shape, self.width)

    def evenly(self, videos: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
        """Rows of `steps` steps of each video, evenly picked or repeated, in order of time:
        (videos, steps)."""
        places = (np.arange(steps) + 0.5) / steps
        picked = (places * self.lengths[videos, None]).astype(np.int64)
        return np.asarray(self.starts[videos, None] + picked, np.int64)

    def weighted(self, weights: Floats32) -> "Material":
        """The same with other weights in the loss."""
        return replace(self, weights=weights)

    def with_made(self, sequences: NDArray[np.float16], fake: bool) -> "Material":
        """The same, followed by synthetic videos (made, steps, width) of one label."""
        count, steps, width = sequences.shape
        starts = len(self.vectors) + steps * np.arange(count)
        return Material(
            vectors=self.vectors,
            starts=np.concatenate([self.starts, starts]),
            lengths=np.concatenate([self.lengths, np.full(count, steps)]),
            fake=np.concatenate([self.fake, np.full(count, fake)]),
            weights=np.ones(len(self) + count, np.float32),
            made=sequences.reshape(-1, width),
        )

    def chunks(self, videos: NDArray[np.int64], steps: int) -> Iterator[NDArray[np.int64]]:
        """`videos` in chunks that fit into memory with `steps` steps each."""
        size = max(1, CHUNK_BYTES // (4 * steps * self.width))
        for begin in range(0, len(videos), size):
            yield videos[begin : begin + size]


def material_of(part: SplitPart) -> Material:
    """A part as it is on disk, every video with weight 1."""
    return Material(
        vectors=part.sequences.vectors,
        starts=part.sequences.starts[part.chosen],
        lengths=part.sequences.lengths()[part.chosen],
        fake=part.fake,
        weights=np.ones(len(part), np.float32),
        made=np.zeros((0, part.sequences.width), np.float16),
    )


def single_steps(vectors: Floats32, fake: Labels) -> Material:
    """Vectors (videos, width) as sequences of one step."""
    count, width = vectors.shape
    ones = np.ones(count, np.int64)
    made = np.zeros((0, width), np.float16)
    return Material(vectors, np.arange(count), ones, fake, ones.astype(np.float32), made)


def require_both(fake: Labels, what: str) -> None:
    """Raise `UserError` unless both labels are there."""
    if fake.all() or not fake.any():
        missing = "reals" if len(fake) and fake.all() else "fakes"
        raise UserError(f"the {what} part has no {missing}: add videos or split differently")


def fingerprint(*materials: Material) -> str:
    """Digest of the data that a checkpoint belongs to: lengths, labels, weights, first vectors."""
    digest = hashlib.sha256()
    for material in materials:
        for array in (material.lengths, material.fake, material.weights):
            digest.update(array.tobytes())
        for videos in material.chunks(np.arange(len(material)), 1):
            digest.update(material.gather(material.starts[videos]).tobytes())
    return digest.hexdigest()
