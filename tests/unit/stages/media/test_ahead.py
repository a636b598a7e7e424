"""Frames decoded beside whatever looks at them."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ddaemon.stages.media.ahead import ahead
from ddaemon.stages.media.video import Frame
from ddaemon.storage.errors import NotAnalysable, Reason

PATIENCE_S = 60.0


def frame_of(number: int) -> Frame:
    return Frame(number, number / 10, np.full((2, 2, 3), number, np.uint8))


def test_the_same_frames_come_in_the_same_order() -> None:
    frames = [frame_of(number) for number in range(5)]
    assert list(ahead(frames)) == frames
    assert list(ahead([])) == []


def test_the_next_frame_is_decoded_while_one_is_looked_at() -> None:
    decoded = threading.Event()

    def source() -> Iterator[Frame]:
        yield frame_of(0)
        decoded.set()
        yield frame_of(1)

    frames = ahead(source())
    assert next(frames).index == 0
    assert decoded.wait(PATIENCE_S), "nobody asked for the second one, and it is there"


def test_what_decoding_raises_comes_after_the_frames_before_it() -> None:
    def source() -> Iterator[Frame]:
        yield frame_of(0)
        raise NotAnalysable(Reason.UNDECODABLE, "broken")

    frames = ahead(source())
    assert next(frames).index == 0
    with pytest.raises(NotAnalysable, match="broken"):
        next(frames)


def test_who_looks_no_further_leaves_nothing_open() -> None:
    ended = []

    def source() -> Iterator[Frame]:
        try:
            yield from map(frame_of, range(9))
        finally:
            ended.append(True)

    frames = ahead(source())
    next(frames)
    frames.close()  # type: ignore[attr-defined]  # a generator
    assert ended
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decoder")]
