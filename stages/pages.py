"""The parts of pages: values as people read them, tables, and Jinja templates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..storage.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of each row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def words(name: str) -> str:
    """A name from code as people write it; anything else, such as a path, stays as it is."""
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
    """Nested settings or counts as rows of two cells: the path to a value, and the value."""
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


def open_templates(folder: Path) -> "Environment":
    """The templates of a folder. What they print is escaped; invisible characters are shown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    # A plain `str` came from outside; Markup, a subclass, is a template's own.
    return printable(value) if type(value) is str else value
