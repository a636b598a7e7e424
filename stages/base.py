"""The stage protocol: all that a plugin author needs, on one screen.

A stage is a class without arguments, registered as an entry point of the group `ddaemon.stages`.
It sees a video, the facts that earlier stages gave, and a folder that it may write to; it never
sees the queue. What it returns is added to the facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .settings import StageSettings

if TYPE_CHECKING:
    from .networks.detector import Detector

ENTRY_POINT_GROUP = "ddaemon.stages"


@dataclass(frozen=True, slots=True)
class Subject:
    """Which video this is: the content's identity and how it came in."""

    name: str  # as the user called the file
    sha256: str
    bytes: int
    received_at: str  # ISO 8601, UTC
    started_at: str  # of this attempt; ISO 8601, UTC
    job: str | None = None  # None when there is no queue (`ddaemon check`)
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage is given. Nothing in it may be changed."""

    video: Path  # to be read, never to be written
    work: Path  # this attempt's own folder; files left here are published
    subject: Subject
    settings: StageSettings
    detector: "Detector"
    facts: Mapping[str, Any]  # what earlier stages gave
    progress: Callable[[float], None]  # call with 0..1 now and then


@runtime_checkable
class Stage(Protocol):
    """One step of the chain.

    `needs` and `gives` name facts: a chain in which a need is not given earlier is refused at
    start. Facts named in `publishes` (JSON values only) appear in the verdict under `facts`.
    Raise `ddaemon.storage.errors.NotAnalysable` when this video cannot be judged; any other
    exception costs one attempt of the job.
    """

    name: str
    version: str
    needs: frozenset[str]
    gives: frozenset[str]
    publishes: frozenset[str]

    def run(self, context: Context) -> Mapping[str, Any]:
        """Look at the video; return a value for each name in `gives`."""
        ...
