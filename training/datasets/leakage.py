"""Leaks: what a detector could recognise in the test because it saw it in training."""

from collections import defaultdict
from collections.abc import Sequence

from .duplicates import IndexPair
from .identities import splits_of_identities
from .remarks import NAMED
from .rows import SPLITS, Row


def find_leaks(rows: Sequence[Row], near: Sequence[IndexPair]) -> list[str]:
    """Every identity, content and near duplicate that is in two splits, a sentence for each.

    `near` are places in `rows`; of near duplicates the first twenty are named, the rest counted.
    Unused rows don't count.
    """
    used = [row for row in rows if row.split in SPLITS]
    return [*_identities(used), *_contents(used), *_near(rows, near)]


def _identities(rows: Sequence[Row]) -> list[str]:
    seen = splits_of_identities(rows)
    return [
        f"the identity {name} is in {_describe(splits)}"
        for name, splits in sorted(seen.items())
        if len(splits) > 1
    ]


def _contents(rows: Sequence[Row]) -> list[str]:
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.sha256:
            alike[row.sha256].append(row)
    return [
        f"{' and '.join(sorted({row.name for row in same}))} have the same bytes and are in "
        f"{_describe({row.split for row in same})}"
        for same in alike.values()
        if len({row.split for row in same}) > 1
    ]


def _near(rows: Sequence[Row], near: Sequence[IndexPair]) -> list[str]:
    sentences = [
        f"{rows[i].name} and {rows[j].name} look the same and are in "
        f"{_describe({rows[i].split, rows[j].split})}"
        for i, j in near
        if rows[i].split != rows[j].split and {rows[i].split, rows[j].split} <= set(SPLITS)
    ]
    more = len(sentences) - NAMED
    return sentences[:NAMED] + ([f"{more} more pairs that look the same"] if more > 0 else [])


def _describe(splits: set[str]) -> str:
    return " and ".join(split for split in SPLITS if split in splits)
