"""Splitting by group: nobody is in two splits, and each split looks like the whole.

Greedy: the largest group first, each into the split that it fills least. Several seeded orders and
targets are tried; the result that leaves out the fewest rows and comes closest to the wanted shares
is taken. scikit-learn's StratifiedGroupKFold makes equal folds and ignores donors.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .duplicates import IndexPair
from .identities import Identities, apart, find_identities
from .rows import TEST, TRAIN, UNUSED, VAL, Row

TRIES = 50
FEWEST = {TRAIN: 4, VAL: 2, TEST: 2}  # rows of each label
NOWHERE = -1  # among the numbers of splits
ORDER_SPREAD = 0.5  # a group is placed as if it were up to this share smaller
AIM_SPREAD = 2.5  # where many swaps cross the splits, val and test need more people

RowIndices = NDArray[np.int64]


def split_by_group(
    rows: Sequence[Row], near: Sequence[IndexPair], shares: Mapping[str, float], seed: int
) -> list[str]:
    """The split of each row, by the wanted share of each split; UNUSED where a row's two
    identities ended in different ones. `near` are places of near duplicates in `rows`."""
    labels = np.array([row.label for row in rows])
    tries: list[tuple[tuple[int, float], RowIndices]] = []
    for join_donors in sorted({False, any(row.donor for row in rows)}):
        people = find_identities(rows, near, join_donors=join_donors)
        for number in range(TRIES):
            rng = np.random.default_rng([seed, number, join_donors])
            decided = _assign(people, labels, shares, rng)[people.group]
            decided[apart(people, decided)] = NOWHERE
            tries.append((_cost(decided, labels, shares), decided))
    best = min(tries, key=lambda tried: tried[0])[1]
    return [UNUSED if place == NOWHERE else list(shares)[place] for place in best]


def _assign(
    people: Identities, labels: RowIndices, shares: Mapping[str, float], rng: np.random.Generator
) -> RowIndices:
    """The number of the split of each identity: (identities,)."""
    sizes = np.zeros((len(people.names), 2))
    np.add.at(sizes, (people.part[people.group], labels), 1)
    aim = _wanted(sizes.sum(axis=0), shares) * rng.uniform(1, AIM_SPREAD, (len(shares), 1))
    filled = np.zeros_like(aim)
    home = np.zeros(len(people.names), np.int64)
    order = sizes.sum(axis=1) * rng.uniform(1 - ORDER_SPREAD, 1, len(sizes))
    for part in np.argsort(-order, kind="stable"):
        size = sizes[part]
        if size.any():
            fill = ((filled + size) / aim)[:, size > 0].max(axis=1)
            home[part] = np.argmin(fill)
            filled[home[part]] += size
    return home[people.part]


def _wanted(totals: NDArray[np.float64], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Rows of each label in each split: (splits, 2)."""
    return np.array([np.maximum(share * totals, FEWEST[s]) for s, share in shares.items()])


def _cost(
    decided: RowIndices, labels: RowIndices, shares: Mapping[str, float]
) -> tuple[int, float]:
    """How many rows the splits lack of the fewest that they need, and how far each split's counts
    are from the wanted ones, relative to them."""
    missing, off = 0, []
    totals = np.bincount(labels, minlength=2)
    for number, split in enumerate(shares):
        counts = np.bincount(labels[decided == number], minlength=2)[totals > 0]
        wanted = shares[split] * totals[totals > 0]
        missing += int(np.maximum(0, FEWEST[split] - counts).sum())
        off.append(np.abs(counts / wanted - 1).mean())
    return missing, float(np.mean(off) + (decided == NOWHERE).mean())
