"""The vectors of many videos, mapped from one file: memory holds only what is accessed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VECTORS_FILE, PLACES_FILE = "vectors.npy", "places.npz"


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences of vectors, one per person (track) of a video, in order of time.

    The persons of one video lie side by side, the largest face first.
    """

    vectors: NDArray[np.float16]  # (rows, width): of all sequences, one after the other
    starts: NDArray[np.int64]  # (sequences + 1,): where each begins; the last is the end
    video: NDArray[np.int64]  # (sequences,): the place of its video; ascending

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, sequence: int) -> NDArray[np.float16]:
        """One sequence: (steps, width)."""
        return self.vectors[self.starts[sequence] : self.starts[sequence + 1]]

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1])

    def lengths(self) -> NDArray[np.int64]:
        """Steps of each sequence: (sequences,)."""
        return np.diff(self.starts)

    def main(self) -> NDArray[np.int64]:
        """The sequence of each video's largest face: (videos,), in the order of the videos."""
        return np.unique(self.video, return_index=True)[1].astype(np.int64)

    def pooled(self) -> "Sequences":
        """The mean vector of each sequence, as sequences of one step."""
        means = self.means(range(len(self))).astype(np.float16)
        return Sequences(means, np.arange(len(self) + 1), self.video)

    def means(self, sequences: Iterable[int]) -> NDArray[np.float32]:
        """The mean vector of each of `sequences`: (len, width)."""
        return np.stack([self[number].astype(np.float32).mean(axis=0) for number in sequences])


def write_sequences(
    folder: Path, videos: Iterable[Sequence[NDArray[np.float16]]], rows: int, width: int
) -> Sequences:
    """Write the sequences of videos (each a list of its persons' vectors, (steps, width)).

    `rows` is the sum of all steps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vectors = np.lib.format.open_memmap(
        folder / VECTORS_FILE, "w+", np.float16, (max(rows, 1), width)
    )
    starts, owners = [0], []
    for place, persons in enumerate(videos):
        for person in persons:
            vectors[starts[-1] : starts[-1] + len(person)] = person
            starts.append(starts[-1] + len(person))
            owners.append(place)
    vectors.flush()
    np.savez(
        folder / PLACES_FILE, starts=np.array(starts, np.int64), video=np.array(owners, np.int64)
    )
    return read_sequences(folder)


def read_sequences(folder: Path) -> Sequences:
    """Map what `write_sequences` wrote."""
    with np.load(folder / PLACES_FILE) as places:
        starts, video = places["starts"], places["video"]
    return Sequences(np.load(folder / VECTORS_FILE, mmap_mode="r"), starts, video)
