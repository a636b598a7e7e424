"""Exact and near duplicates: the same bytes, and pictures that look the same."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .fingerprint import HASH_BYTES

# Of 256 bits, the mean over a video's three pictures. Among the 311 million pairs of dfdc-faces 543
# are this close: each pair of one actor, 510 of them of one video and its fakes. Twice as many bits
# would still match no two actors, so 10 leaves room for pictures that are less alike than faces.
NEAR_BITS = 10
# The hash of a flat picture or a smooth backdrop has hardly any ones (or zeros): no information.
FEWEST_BITS = 32
BLOCK = 256  # rows compared with all others at once: about 60 MB for 25,000 images

IndexPair = tuple[int, int]


def near_pairs(looks: Sequence[str]) -> list[IndexPair]:
    """Places (i < j) of pictures that look the same.

    `looks` are hexadecimal difference hashes; "" matches nothing. Images are compared with
    images, videos with videos.
    """
    pairs: list[IndexPair] = []
    for length in sorted({len(look) for look in looks} - {0}):
        places = np.array([place for place, look in enumerate(looks) if len(look) == length])
        words = np.array([np.frombuffer(bytes.fromhex(looks[p]), np.uint64) for p in places])
        comparable = _comparable(words)
        places, words = places[comparable], words[comparable]
        pairs += [(int(places[i]), int(places[j])) for i, j in _close(words)]
    return sorted(pairs)


def _comparable(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which hashes (rows, words) have enough bits of both kinds to be compared."""
    bits = words.shape[1] * 64
    ones = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    fewest = FEWEST_BITS * bits // (HASH_BYTES * 8)
    comparable: NDArray[np.bool_] = (ones >= fewest) & (ones <= bits - fewest)
    return comparable


def _close(words: NDArray[np.uint64]) -> Iterator[IndexPair]:
    """Pairs of rows (i < j) that differ in at most `NEAR_BITS` bits per picture."""
    limit = NEAR_BITS * words.shape[1] * 8 // HASH_BYTES
    for start in range(0, len(words), BLOCK):
        block, rest = words[start : start + BLOCK], words[start:]
        apart = np.zeros((len(block), len(rest)), np.uint16)
        for word in range(words.shape[1]):
            apart += np.bitwise_count(block[:, word, None] ^ rest[None, :, word])
        for row, column in np.argwhere(apart <= limit):
            if row < column:
                yield start + int(row), start + int(column)


def join(count: int, pairs: Iterable[IndexPair]) -> list[int]:
    """Number the connected parts of `count` things: a part's number is its first member."""
    first = list(range(count))

    def find(thing: int) -> int:
        while first[thing] != thing:
            first[thing] = first[first[thing]]
            thing = first[thing]
        return thing

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        first[high] = low
    return [find(thing) for thing in range(count)]
