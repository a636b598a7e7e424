"""What a page of the report is made of, before it is HTML."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of each row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A diagram in the report's folder, and what it shows in words."""

    file: str
    alt: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading of its own."""

    heading: str
    texts: Sequence[str] = ()
    alarms: Sequence[str] = ()  # in red
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


def words(name: str) -> str:
    """A name of code as people write it; what is none, such as a path, stays as it is."""
    return name.replace("_", " ") if name.isidentifier() else name


def plain(value: Any) -> str:
    """A single value as people read it."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def flat_rows(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings or counts as rows of two: where it lies, and what it says."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat_rows(inner, f"{name}, {words(str(key))}" if name else words(str(key)))
    elif isinstance(value, list | tuple) and any(isinstance(x, Mapping | list) for x in value):
        for place, inner in enumerate(value, 1):
            yield from flat_rows(inner, f"{name} {place}")
    elif isinstance(value, list | tuple):
        yield name, "; ".join(plain(inner) for inner in value) or NOTHING
    else:
        yield name, plain(value)


def strict(value: Any) -> Any:
    """As strict JSON can say it: NumPy's numbers as numbers, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict(inner) for inner in value]
    if hasattr(value, "tolist"):
        return strict(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
