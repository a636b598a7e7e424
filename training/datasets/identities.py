"""Who is in which row, as numbers, so that each person stays in one split."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .duplicates import IndexPair, join
from .rows import Row

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Identities:
    """Groups and donors of rows. Identities with the same part go into the same split."""

    names: list[str]
    group: NDArray[np.int64]  # (rows,): place in `names`
    donor: NDArray[np.int64]  # (rows,): place in `names`, or NOBODY
    part: NDArray[np.int64]  # (names,)


def find_identities(
    rows: Sequence[Row], near: Sequence[IndexPair], *, join_donors: bool
) -> Identities:
    """Number the identities of `rows`.

    Groups with near duplicates share a part. With `join_donors` a row's two identities do, too:
    then no row need be left out, but where everybody was swapped with everybody there is one part.
    """
    names = sorted({row.group for row in rows} | {row.donor for row in rows if row.donor})
    places = {name: place for place, name in enumerate(names)}
    group = np.array([places[row.group] for row in rows], np.int64)
    donor = np.array([places[row.donor] if row.donor else NOBODY for row in rows], np.int64)
    links = [(int(group[one]), int(group[other])) for one, other in near]
    if join_donors:
        links += [(int(g), int(d)) for g, d in zip(group, donor, strict=True) if d != NOBODY]
    return Identities(names, group, donor, np.array(join(len(names), links), np.int64))


def splits_of_identities(rows: Sequence[Row]) -> dict[str, set[str]]:
    """The splits in which each group or donor is seen."""
    seen: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        seen[row.group].add(row.split)
        if row.donor:
            seen[row.donor].add(row.split)
    return seen


def apart(people: Identities, splits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows have a donor that belongs to a split other than theirs; `splits` are numbers.

    An identity belongs to the split of its group; a mere donor, to where it occurs most often.
    """
    swapped = people.donor != NOBODY
    seen = np.zeros((len(people.names), int(splits.max(initial=0)) + 1), np.int64)
    np.add.at(seen, (people.donor[swapped], splits[swapped]), 1)
    home = seen.argmax(axis=1)
    home[people.group] = splits
    elsewhere: NDArray[np.bool_] = swapped & (home[people.donor] != splits)
    return elsewhere
