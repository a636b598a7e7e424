"""Splitting by group: nobody is in two splits, and each split looks like the whole.

Greedy, the largest group first, each into the split that lacks most; several seeded orders are
tried, and the one that comes closest to the wanted shares and leaves out the fewest rows is
taken. scikit-learn's StratifiedGroupKFold cuts equal folds and knows nothing of donors.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .duplicates import Pair
from .identities import Identities, apart, find_identities
from .rows import FAKE, REAL, TEST, TRAIN, UNUSED, VAL, Row

TRIES = 50
FEWEST = {TRAIN: 4, VAL: 2, TEST: 2}  # rows of each label
NOWHERE = -1  # among the numbers of splits
ORDER_SPREAD = 0.5  # a group is placed as if it were up to this share smaller

Places = NDArray[np.int64]


def split_by_group(
    rows: Sequence[Row], near: Sequence[Pair], shares: Mapping[str, float], seed: int
) -> list[str]:
    """The split of each row, by the wanted share of each split; UNUSED where a row's two
    identities came into different ones. `near` are places of near duplicates in `rows`."""
    labels = np.array([row.label for row in rows])
    tries: list[tuple[tuple[int, float], Places]] = []
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
    people: Identities, labels: Places, shares: Mapping[str, float], rng: np.random.Generator
) -> Places:
    """The number of the split of each identity: (identities,)."""
    sizes = np.zeros((len(people.names), 2))
    np.add.at(sizes, (people.part[people.group], labels), 1)
    totals = np.maximum(sizes.sum(axis=0), 1)
    wanted = _wanted(totals, shares)
    filled = np.zeros_like(wanted)
    home = np.zeros(len(people.names), np.int64)
    order = sizes.sum(axis=1) * rng.uniform(1 - ORDER_SPREAD, 1, len(sizes))
    for part in np.argsort(-order, kind="stable"):
        size = sizes[part]
        if size.any():
            lacking = (wanted - filled) / totals
            home[part] = np.argmax((lacking * size / totals).sum(axis=1))
            filled[home[part]] += size
    return home[people.part]


def _wanted(totals: NDArray[np.float64], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """Rows of each label in each split: (splits, 2)."""
    return np.array([np.maximum(share * totals, FEWEST[s]) for s, share in shares.items()])


def _cost(decided: Places, labels: Places, shares: Mapping[str, float]) -> tuple[int, float]:
    """How many rows are missing to the fewest that a split needs, and how far shares are off."""
    missing, off = 0, 0.0
    for number, (split, share) in enumerate(shares.items()):
        for label in (FAKE, REAL):
            total = int((labels == label).sum())
            count = int(((decided == number) & (labels == label)).sum())
            missing += max(0, FEWEST[split] - count) if total else 0
            off += abs(count / max(total, 1) - share)
    return missing, off + float((decided == NOWHERE).mean())
