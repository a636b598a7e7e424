"""Deciding which rows are for training, which for choosing thresholds, and which for figures."""

from collections.abc import Sequence

import numpy as np

from ...storage.errors import UserError
from ..run.recipe import Recipe
from .duplicates import IndexPair
from .grouped import split_by_group
from .identities import apart, find_identities, splits_of_identities
from .remarks import Remarks, name_some
from .rows import SPLITS, TEST, TRAIN, UNUSED, VAL, Row

APART = "its two identities are in different splits"
NEAR = "nearly the same as "
LEFT_OUT = "the data set's own split leaves it out"

BY_GROUP = "by group: nobody is in two splits"
AS_GIVEN = "the data set's own split"
LARGEST_CUT = 0.3  # share of a split that may be cut off for a missing one


def decide_splits(
    rows: Sequence[Row], near: Sequence[IndexPair], recipe: Recipe, remarks: Remarks
) -> tuple[list[Row], str]:
    """Assign every row to a split, or to none with a note; also returns the rule in words.

    `rows` are those that can be used; `near` are places of near duplicates among them.
    """
    if recipe.split == "group":
        return _by_group(rows, near, recipe), BY_GROUP
    given = _complete(rows)
    names = {row.split for row in given} - {UNUSED}
    if not names & {VAL, TEST}:
        return _by_group(rows, near, recipe), BY_GROUP
    if recipe.split == "auto" and (leaking := _leaking(given)):
        remarks.warn(
            f"The data set's own split has {len(leaking)} identities in more than one split "
            f"({name_some(leaking)}), so it was split by group instead; "
            "--split given uses it as it is."
        )
        return _by_group(rows, near, recipe), BY_GROUP
    return _own_split(given, names, near, recipe, remarks)


def shares_of(recipe: Recipe) -> dict[str, float]:
    """The share of each split. Raises `UserError` when nothing is left to learn from."""
    shares = {TRAIN: 1 - recipe.val - recipe.test, VAL: recipe.val, TEST: recipe.test}
    if shares[TRAIN] <= 0:
        raise UserError("val and test leave nothing to learn from; their sum must be below 1")
    return shares


def _by_group(rows: Sequence[Row], near: Sequence[IndexPair], recipe: Recipe) -> list[Row]:
    return _settle(rows, split_by_group(rows, near, shares_of(recipe), recipe.seed))


def _settle(rows: Sequence[Row], decided: Sequence[str]) -> list[Row]:
    return [
        row.but(split=split, note=APART if split == UNUSED else "")
        for row, split in zip(rows, decided, strict=True)
    ]


def _complete(rows: Sequence[Row]) -> list[Row]:
    """Complete a given split: if it names only a test part, the rest is train, else unused."""
    if any(row.split == TRAIN for row in rows):
        return [row if row.split else row.but(split=UNUSED, note=LEFT_OUT) for row in rows]
    return [row if row.split else row.but(split=TRAIN) for row in rows]


def _leaking(rows: Sequence[Row]) -> list[str]:
    used = [row for row in rows if row.split != UNUSED]
    return sorted(name for name, seen in splits_of_identities(used).items() if len(seen) > 1)


def _own_split(
    given: list[Row],
    names: set[str],
    near: Sequence[IndexPair],
    recipe: Recipe,
    remarks: Remarks,
) -> tuple[list[Row], str]:
    left_out = sum(row.split == UNUSED for row in given)
    if left_out:
        remarks.warn(
            f"The data set's own split leaves out {left_out} of {len(given)}; "
            "--split group uses all."
        )
    rule = AS_GIVEN
    if VAL not in names:
        share = min(LARGEST_CUT, recipe.val / (1 - min(recipe.test, 0.9)))
        given, rule = _cut(given, near, TRAIN, VAL, share, recipe.seed), f"{rule}, val from train"
    if TEST not in names:
        given, rule = _cut(given, near, VAL, TEST, 0.5, recipe.seed), f"{rule}, test from val"
    if recipe.split == "given":
        return given, f"{rule}, as it is"
    return _without_leaks(given, near), rule


def _cut(
    rows: list[Row], near: Sequence[IndexPair], source: str, new: str, share: float, seed: int
) -> list[Row]:
    """Move a share of the split `source` into the split `new`, by group."""
    places = [place for place, row in enumerate(rows) if row.split == source]
    where = {place: number for number, place in enumerate(places)}
    within = [(where[i], where[j]) for i, j in near if i in where and j in where]
    shares = {source: 1 - share, new: share}
    decided = split_by_group([rows[place] for place in places], within, shares, seed)
    rows = list(rows)
    for place, split in zip(places, decided, strict=True):
        rows[place] = rows[place].but(split=split, note=APART if split == UNUSED else "")
    return rows


def _without_leaks(rows: list[Row], near: Sequence[IndexPair]) -> list[Row]:
    """Rows without those whose people are in two splits; of two near copies only the one in the
    stricter split stays: test, then val."""
    used = [place for place, row in enumerate(rows) if row.split != UNUSED]
    people = find_identities([rows[place] for place in used], [], join_donors=False)
    splits = np.array([SPLITS.index(rows[place].split) for place in used], np.int64)
    for number in np.flatnonzero(apart(people, splits)):
        rows[used[number]] = rows[used[number]].but(split=UNUSED, note=APART)
    for one, other in near:
        both = {rows[one].split, rows[other].split}
        if UNUSED not in both and len(both) > 1:
            low, high = sorted((one, other), key=lambda place: SPLITS.index(rows[place].split))
            note = f"{NEAR}{rows[high].name}, which is in {rows[high].split}"
            rows[low] = rows[low].but(split=UNUSED, note=note)
    return rows
