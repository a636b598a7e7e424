"""The parts of a report's page, before they become HTML."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...stages.pages import Table


@dataclass(frozen=True, slots=True)
class Diagram:
    """A diagram in the report's folder, and what it shows in words."""

    file: str
    alt: str


@dataclass(frozen=True, slots=True)
class PageSection:
    """A part of the page under a heading of its own."""

    heading: str
    texts: Sequence[str] = ()
    alarms: Sequence[str] = ()  # in red
    tables: Sequence[Table] = ()
    pictures: Sequence[Diagram] = ()


def strict(value: Any) -> Any:
    """The value for strict JSON: NumPy's numbers as numbers, non-finite ones as null."""
    if isinstance(value, Mapping):
        return {str(key): strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [strict(inner) for inner in value]
    if hasattr(value, "tolist"):
        return strict(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
