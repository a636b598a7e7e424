"""Which face is which person from one sampled frame to the next, by place and size alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STILL = 1.0  # face widths that a face may move between two frames, however close in time
SPEED = 0.5  # face widths a second that it may move beyond that
FARTHEST = 3.0  # face widths: the limit, however long the gap
MAX_GROWTH = 2.5  # ratio of two sizes up to which they may be one face
FaceBox = tuple[float, float, float, float]  # left, top, width, height


@dataclass(slots=True)
class _Seen:
    """Where and when a track was last seen."""

    t: float
    box: FaceBox


class Tracker:
    """Gives each face the number of its track, frame by frame.

    The nearest pairs are joined first. Samples may lie seconds apart, so this knows people by
    their place only: two people shown in turn at the same place (a cut between close-ups) are one
    track, and one person who crosses the picture within one gap is two.
    """

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def place(self, t: float, boxes: Sequence[FaceBox]) -> list[int]:
        """Track numbers of the `boxes` (pixels) in the frame at `t` (seconds), in their order."""
        numbers = self._match(t, boxes)
        for i, box in enumerate(boxes):
            if i not in numbers:
                numbers[i] = len(self._seen)
                self._seen.append(_Seen(t, box))
            self._seen[numbers[i]] = _Seen(t, box)
        return [numbers[i] for i in range(len(boxes))]

    def _match(self, t: float, boxes: Sequence[FaceBox]) -> dict[int, int]:
        pairs = sorted(
            (distance, i, number)
            for i, box in enumerate(boxes)
            for number, seen in enumerate(self._seen)
            if (distance := _distance(seen.box, box)) <= _reach(t - seen.t)
        )
        matched: dict[int, int] = {}
        for _, i, number in pairs:
            if i not in matched and number not in matched.values():
                matched[i] = number
        return matched


def _reach(gap: float) -> float:
    return min(STILL + SPEED * gap, FARTHEST)


def _distance(one: FaceBox, other: FaceBox) -> float:
    """Distance between the centres, in mean sizes; infinite when the sizes differ too much."""
    sizes = np.sqrt([one[2] * one[3], other[2] * other[3]])
    if sizes.max() > MAX_GROWTH * sizes.min():
        return float("inf")
    shift = (
        (one[0] + one[2] / 2 - other[0] - other[2] / 2),
        (one[1] + one[3] / 2 - other[1] - other[3] / 2),
    )
    return float(np.hypot(*shift) / sizes.mean())
