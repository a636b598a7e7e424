"""Every way to spoil a record in one place."""

import copy
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]

SPOILT = (None, True, -1, 1.5, float("nan"), 10**400, "", "\ud800", [], [None], {}, {"x": {}})


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """All that a record holds, of lists the first item."""
    if here:
        yield here
    items = value.items() if isinstance(value, dict) else []
    if isinstance(value, list):
        items = list(enumerate(value))[:1]
    for key, inner in items:
        yield from places(inner, (*here, key))


def changed(record: dict[str, Any], place: Place, to: Any) -> dict[str, Any]:
    """A copy in which that place holds something else."""
    spoilt = copy.deepcopy(record)
    at(spoilt, place[:-1])[place[-1]] = to
    return spoilt


def without(record: dict[str, Any], place: Place) -> dict[str, Any]:
    """A copy that lacks that place."""
    spoilt = copy.deepcopy(record)
    del at(spoilt, place[:-1])[place[-1]]
    return spoilt


def at(record: Any, place: Place) -> Any:
    """What that place holds."""
    for step in place:
        record = record[step]
    return record
