"""The one small interface through which stages see a video: facts, frames and times.

Each decoding library has one file beside this one; nothing else in ddaemon imports that library.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...record.schema import Rotation

Image = NDArray[np.uint8]  # (height, width, 3), RGB, 0..255


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What the container states about itself.

    `width` and `height` are those of the displayed frame, in pixels: after `rotation` (degrees
    clockwise: 0, 90, 180 or 270) and after non-square pixels were made square.
    `fps` is the mean rate; `duration_s` is in seconds. Either is None where the file has none.
    """

    format: str
    codec: str
    width: int
    height: int
    fps: float | None
    duration_s: float | None
    rotation: Rotation


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed frame: its place in the sample, its time in seconds, its pixels."""

    index: int
    t: float
    image: Image


class VideoSource(Protocol):
    """A video that was opened and has at least one frame that decodes.

    Both methods decode as they are iterated, so that one frame is in memory at a time.
    They raise `NotAnalysable` (undecodable) when the stream breaks before anything came out.
    """

    @property
    def facts(self) -> ContainerFacts:
        """What the container states about itself."""
        ...

    def sample(self, count: int) -> Iterator[Frame]:
        """At most `count` different frames, evenly spaced in time, in order of time."""
        ...

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frames displayed at `times` (seconds, ascending), the same as `sample` gave."""
        ...
