"""How long work says how far it is."""

from typing import Protocol


class ProgressCallback(Protocol):
    """Called often; whoever shows it decides how often to show it."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` units of `step` are finished; finished ones from an earlier, broken
        run count as done."""
        ...


def silent(step: str, done: int, total: int) -> None:
    """Shows nothing."""
