"""Video decoding with PyAV (FFmpeg's libraries)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ...record.schema import Rotation
from ...storage.errors import NotAnalysable, Reason
from .container import open_container, packets, video_stream
from .cursor import Cursor, pts
from .video import ContainerFacts, Frame, Image

ROTATIONS: tuple[Rotation, ...] = (0, 90, 180, 270)
WIDEST_PIXEL = 4  # a sample aspect ratio beyond this (or its inverse) is taken for a writing error
KEPT_BYTES = 64_000_000  # of sampled frames, as they were decoded: 32 of 720p
TICK_SLACK = 0.01  # of a tick: a time that was a frame's own pts must find that frame again


def open_video(path: Path, *, max_pixels: int, max_seconds: float, threads: int = 1) -> "PyavVideo":
    """Open a local video file and prove that its first frame decodes.

    Args:
        path: the file.
        max_pixels: a displayed frame with more pixels is refused before any frame is decoded.
        max_seconds: a longer video is refused.
        threads: of the decoder.

    Raises:
        NotAnalysable: `unsupported` when it is not a video or exceeds the limits;
            `undecodable` when it begins like a video but no frame decodes.
        OSError: the file cannot be read.
    """
    return PyavVideo(path, max_pixels=max_pixels, max_seconds=max_seconds, threads=threads)


class PyavVideo:
    """A `VideoSource`. Each iteration opens the file for itself, so several may run at once.

    Sampled frames stay in memory up to `KEPT_BYTES`, so that showing them again costs nothing.
    `decoded` counts the frames decoded so far. Leaving the `with` block ends open iterations.
    `seek=False` walks through every frame, as is done for files without an index.
    """

    def __init__(
        self, path: Path, *, max_pixels: int, max_seconds: float, threads: int, seek: bool = True
    ) -> None:
        self._path, self._max_pixels, self._threads, self._seek = path, max_pixels, threads, seek
        self._cursors: list[Cursor] = []
        # One for all frames: a frame's own would hold its threads for as long as the frame is kept.
        self._reformatter = VideoReformatter()
        self._kept: dict[int, VideoFrame] = {}  # by pts
        self._kept_bytes = 0
        self.decoded = 0
        self._facts, self._base = _read_header(path, max_pixels, max_seconds)
        self._look_at_first_frame()

    @property
    def facts(self) -> ContainerFacts:
        """What the container states about itself."""
        return self._facts

    def sample(self, count: int) -> Iterator[Frame]:
        """At most `count` different frames: those displayed in the middle of each of `count`
        equal parts of the duration, in order. Images are uint8 (height, width, 3)."""
        span = self._facts.duration_s or 0.0
        shown: int | None = None
        index = 0
        for frame in self._show((i + 0.5) * span / count for i in range(count)):
            if frame.pts != shown:
                shown = frame.pts
                self._keep(frame)
                yield self._finish(index, frame)
                index += 1

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frames displayed at `times` (seconds, ascending), one for each time."""
        others = self._show(t for t in times if self._tick(t) not in self._kept)
        for index, t in enumerate(times):
            kept = self._kept.get(self._tick(t))
            yield self._finish(index, next(others) if kept is None else kept)

    def close(self) -> None:
        """End all iterations that are under way."""
        for cursor in self._cursors:
            cursor.close()
        self._cursors.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _cursor(self, *, seek: bool) -> Cursor:
        return Cursor(self._path, max_pixels=self._max_pixels, threads=self._threads, seek=seek)

    def _keep(self, frame: VideoFrame) -> None:
        size = sum(plane.buffer_size for plane in frame.planes)
        if pts(frame) not in self._kept and self._kept_bytes + size <= KEPT_BYTES:
            self._kept[pts(frame)] = frame
            self._kept_bytes += size

    def _look_at_first_frame(self) -> None:
        """Decode it: only a decoded frame shows the rotation and where time begins."""
        with closing(self._cursor(seek=False)) as cursor:
            frame = cursor.first
        if frame is None:
            raise NotAnalysable(
                Reason.UNDECODABLE, "The file opens as a video but not one frame can be decoded."
            )
        self._origin = pts(frame)
        self._facts = _rotated(self._facts, -frame.rotation % 360)

    def _show(self, times: Iterable[float]) -> Iterator[VideoFrame]:
        cursor = self._cursor(seek=self._seek)
        self._cursors.append(cursor)
        before = 0
        try:
            for time in times:
                frame = cursor.show(self._tick(time))
                self.decoded, before = self.decoded + cursor.decoded - before, cursor.decoded
                if frame is None:
                    raise NotAnalysable(Reason.UNDECODABLE, "The frames can no longer be decoded.")
                yield frame
        finally:
            cursor.close()
            self._cursors = [other for other in self._cursors if other is not cursor]

    def _tick(self, seconds: float) -> int:
        return self._origin + math.floor(seconds / float(self._base) + TICK_SLACK)

    def _finish(self, index: int, frame: VideoFrame) -> Frame:
        t = float((pts(frame) - self._origin) * self._base)
        return Frame(index, t, _to_image(frame, self._facts, self._reformatter))


def _read_header(
    path: Path, max_pixels: int, max_seconds: float
) -> tuple[ContainerFacts, Fraction]:
    with closing(open_container(path)) as container:
        stream = video_stream(container)
        facts = _facts(container, stream)
        _check_limits(facts, max_pixels, max_seconds)
        base = stream.time_base or Fraction(1, av.time_base)
        if facts.duration_s is None:
            facts = replace(facts, duration_s=_measure_duration(container, stream))
        _check_limits(facts, max_pixels, max_seconds)
        return facts, base


def _facts(container: InputContainer, stream: VideoStream) -> ContainerFacts:
    width, height = _square_pixels(stream)
    if not width or not height:
        raise NotAnalysable(Reason.UNDECODABLE, "The video does not say how large its frames are.")
    rate = stream.average_rate
    return ContainerFacts(
        format=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        fps=float(rate) if rate else None,
        duration_s=_stated_duration(container, stream),
        rotation=0,
    )


def _square_pixels(stream: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels: the short side is stretched, so nothing is lost."""
    width, height = stream.width, stream.height
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if aspect <= 0 or not 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL:
        aspect = Fraction(1)
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def _stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    return None


def _measure_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Read all packets, decoding none: seconds from the first to the end of the last."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    stamps, count = [], 0
    for packet in packets(container, stream):
        count += packet.size > 0
        if packet.pts is not None:
            stamps.append(packet.pts)
    if stamps and stream.time_base:
        return float((max(stamps) - min(stamps)) * stream.time_base + 1 / rate)
    return float(count / rate) if count else None


def _check_limits(facts: ContainerFacts, max_pixels: int, max_seconds: float) -> None:
    if facts.width * facts.height > max_pixels:
        raise NotAnalysable(
            Reason.UNSUPPORTED,
            f"A frame has {facts.width} x {facts.height} pixels; "
            f"the limit is {max_pixels} (frames.max_pixels).",
        )
    if facts.duration_s is not None and facts.duration_s > max_seconds:
        raise NotAnalysable(
            Reason.UNSUPPORTED,
            f"The video lasts {facts.duration_s:.0f} s; "
            f"the limit is {max_seconds:.0f} s (frames.max_seconds).",
        )


def _rotated(facts: ContainerFacts, degrees: int) -> ContainerFacts:
    rotation = ROTATIONS[round(degrees / 90) % 4]
    if rotation % 180:
        return replace(facts, width=facts.height, height=facts.width, rotation=rotation)
    return replace(facts, rotation=rotation)


def _to_image(frame: VideoFrame, facts: ContainerFacts, reformatter: VideoReformatter) -> Image:
    """RGB as displayed. Every frame gets the size that the facts state: players, too, show a
    stream that changes its resolution like that."""
    turned = facts.rotation % 180 != 0
    width, height = (facts.height, facts.width) if turned else (facts.width, facts.height)
    pixels = reformatter.reformat(frame, width, height, "rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, -facts.rotation // 90))
