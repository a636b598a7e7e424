"""Progress of long work: bars with the time left on a terminal, elsewhere an occasional line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..training.run.progress_callback import ProgressCallback

LINE_EVERY_S = 30.0


@contextmanager
def shown_progress() -> Iterator["ProgressCallback"]:
    """Yields a function to be called with (step, done, total)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, int] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = int(bars.add_task(step, completed=done, total=total))
            bars.update(tasks[step], completed=done, total=total)  # type: ignore[arg-type]

        yield show


class _Lines:
    """A line at a step's beginning and end, and every half minute with the time left."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[float, int]] = {}
        self._last: dict[str, float] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        begun, from_ = self._begun.setdefault(step, (now, done))
        if done < total and now - self._last.get(step, -LINE_EVERY_S) < LINE_EVERY_S:
            return
        self._last[step] = now
        left = (now - begun) / (done - from_) * (total - done) if done > from_ else None
        rest = f", about {left:.0f} s left" if left and done < total else ""
        click.echo(f"{step}: {done} of {total}{rest}", err=True)
