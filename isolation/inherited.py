"""Handles that a worker process inherited when it was started, besides its pipes to the service.

A process can be given an open connection only at its start. Code in the worker that needs one asks
for it here, by its type.
"""

from typing import TypeVar

T = TypeVar("T")

_inherited: list[object] = []


def keep(*handles: object) -> None:
    """Keep the inherited handles. Called once, in the new process."""
    _inherited.extend(handles)


def find(kind: type[T]) -> T | None:
    """The handle of this type, if there is one."""
    return next((handle for handle in _inherited if isinstance(handle, kind)), None)
