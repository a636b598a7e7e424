"""What a scenario is, and the list of all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ddaemon.tests.chaos.accounting import Accounts


class CannotBeTried(Exception):
    """This machine does not allow the fault; says what it would take."""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    injected: int  # how often the fault was injected
    accounts: Accounts
    recovery_s: float | None = None  # from the end of the fault to the last end of a job, at most
    note: str = ""


Play = Callable[[Path, bool], Result]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, and the function that injects it.

    `play(folder, short)` works below `folder`, leaves no process and no mount behind, and raises
    AssertionError when something is wrong that the accounts don't show, `CannotBeTried` where the
    machine does not allow it. `short` is for the tests: seconds rather than minutes.
    """

    name: str
    fault: str  # for the table
    play: Play


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, fault: str) -> Callable[[Play], Play]:
    """Enter a function into the list."""

    def enter(play: Play) -> Play:
        SCENARIOS[name] = Scenario(name, fault, play)
        return play

    return enter
