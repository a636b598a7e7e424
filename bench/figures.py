"""What a measurement is made of: one figure against its aim, and times taken in turns.

Every file of the suite has a function `measure() -> Iterator[Figure]` and ends with
`figures.main(measure)`; run by itself it prints its figures, and `suite.py` collects them all.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

# A worker says so itself before it imports NumPy; those started by a bench run its imports first.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

MARK = "figure: "  # before the JSON of a figure, on a line of its own


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of RESULTS.md.

    `value` is a ratio or another number that a slower machine leaves as it is, where there is
    one; absolute times are told in `aside`. `is_met` is None for what has no aim.
    """

    what: str
    aim: str
    value: float
    unit: str
    is_met: bool | None
    aside: str = ""


def at_least(what: str, aim: float, value: float, unit: str = "x", aside: str = "") -> Figure:
    """A figure that should not be below its aim."""
    return Figure(what, f"{aim:g} {unit} or more", value, unit, value >= aim, aside)


def at_most(what: str, aim: float, value: float, unit: str = "x", aside: str = "") -> Figure:
    """A figure that should not be above its aim."""
    return Figure(what, f"{aim:g} {unit} or less", value, unit, value <= aim, aside)


def told(what: str, value: float, unit: str, aside: str = "") -> Figure:
    """A figure without an aim."""
    return Figure(what, "", value, unit, None, aside)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def in_turns(works: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """The seconds of each of `works` in each round, after one round that is not counted. Taken in
    turns, so that what else the machine does meets all alike."""
    for work in works:
        work()
    taken = [[seconds(work) for work in works] for _ in range(rounds)]
    return [list(column) for column in zip(*taken, strict=True)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median, over the rounds, of how many times as long theirs took."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=True))


def main(measure: Callable[[], Iterator[Figure]]) -> None:
    """Print each figure when it is known."""
    for figure in measure():
        print(MARK + json.dumps(asdict(figure)), flush=True)
        print(line(figure), file=sys.stderr, flush=True)


def line(figure: Figure) -> str:
    """A row of the table."""
    verdict = {True: "met", False: "**not met**", None: ""}[figure.is_met]
    cells = [figure.what, figure.aim, f"{figure.value:.3g} {figure.unit}", verdict, figure.aside]
    return "| " + " | ".join(cells) + " |"
