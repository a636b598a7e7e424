"""All scenarios: each file enters its own into the list when it is imported."""

from ddaemon.tests.chaos import crowds, databases, disks, fuzz, inboxes, kills, moments, threads
from ddaemon.tests.chaos.scenarios import SCENARIOS

__all__ = [
    "SCENARIOS",
    "crowds",
    "databases",
    "disks",
    "fuzz",
    "inboxes",
    "kills",
    "moments",
    "threads",
]
