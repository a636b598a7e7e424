"""What a worker process was handed when it was started, beside its way to the service.

A process can be given an open connection only at its start. Whoever needs one asks here for it by
its type.
"""

from typing import TypeVar

T = TypeVar("T")

_handed: list[object] = []


def keep(*things: object) -> None:
    """Called once, by the process that was started."""
    _handed.extend(things)


def find(kind: type[T]) -> T | None:
    """The thing of this type, if there is one."""
    return next((thing for thing in _handed if isinstance(thing, kind)), None)
