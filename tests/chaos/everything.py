"""All scenarios: each file enters its own into the list when it is imported."""

from ddaemon.tests.chaos import (
    clocks,
    crowds,
    databases,
    disks,
    fuzz,
    holders,
    inboxes,
    kills,
    moments,
    poisons,
    soak,
    threads,
)
from ddaemon.tests.chaos.scenarios import SCENARIOS

__all__ = [
    "SCENARIOS",
    "clocks",
    "crowds",
    "databases",
    "disks",
    "fuzz",
    "holders",
    "inboxes",
    "kills",
    "moments",
    "poisons",
    "soak",
    "threads",
]
