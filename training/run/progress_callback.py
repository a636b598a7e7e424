"""How long-running work reports its progress."""

from typing import Protocol


class ProgressCallback(Protocol):
    """Called often; the receiver decides how often to show it."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """`done` of `total` units of `step` are finished; units finished by an earlier, interrupted
        run count as done."""
        ...


def silent(step: str, done: int, total: int) -> None:
    """Shows nothing."""
