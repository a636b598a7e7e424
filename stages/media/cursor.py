"""Walking through a stream by presentation time, decoding as little as possible.

Times are ticks: whole units of the stream's `time_base`. Frame numbers are not used, so a variable
frame rate needs no special handling.
"""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .container import AVI, MATROSKA, MP4, open_container, packets, video_stream
from .skipping import Skipper

# Formats whose index names true keyframes; that of an MPEG program stream names every frame.
SEEKABLE = (MP4, MATROSKA, AVI)
SEEK_TRIES = 3  # keyframes tried for one target before the index is given up


class Cursor:
    """Shows the frames on display at ticks that never go back.

    A damaged stream ends at the damage. `decoded` counts decoded frames, `first` is the
    first of them (None when none decodes). Raises what `open_container` and `video_stream` raise.
    """

    def __init__(self, path: Path, *, max_pixels: int, threads: int = 1, seek: bool = True) -> None:
        self._path, self._max_pixels, self._threads = path, max_pixels, threads
        self.decoded = 0
        self._shown: VideoFrame | None = None
        self._open(cues=seek)
        self.first = self._current or self._next
        self._keyframes = self._read_index() if seek else []

    def show(self, tick: int) -> VideoFrame | None:
        """The last frame with pts <= `tick`; for a tick before all of them the first frame."""
        if self._keyframe_ahead(tick):
            self._jump(tick)
        self._skipper.until = tick
        self._walk(tick)
        found, shown = self._current, self._shown
        # In a damaged file a failed jump may end before the frame shown last: then keep that one.
        if found is not None and (shown is None or pts(found) >= pts(shown)):
            self._shown = found
        return self._shown

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _open(self, *, cues: bool) -> None:
        self._container: InputContainer = open_container(self._path)
        self._stream: VideoStream = video_stream(self._container)
        codec = self._stream.codec_context
        codec.thread_count = self._threads
        codec.options = {"max_pixels": str(self._max_pixels)}
        if cues and self._container.format.name == MATROSKA:
            try:
                self._container.seek(0)  # its index is read at the first seek
            except av.FFmpegError:  # the index is damaged: begin again without it
                self.close()
                self._open(cues=False)
                return
        self._play()

    def _play(self) -> None:
        self._skipper = Skipper(self._stream.codec_context)
        self._frames = self._decode()
        self._current = next(self._frames, None)
        self._next = next(self._frames, None)

    def _decode(self) -> Iterator[VideoFrame]:
        clock = _Clock(self._stream)
        began = False
        try:
            for packet in self._skipper.pass_on(packets(self._container, self._stream)):
                try:
                    frames = self._stream.decode(packet)
                except av.FFmpegError:
                    if began:  # what follows would be pieced together from damaged frames
                        return
                    continue
                for frame in frames:
                    began = True
                    self.decoded += 1
                    yield clock.stamp(frame)
        except av.FFmpegError:
            return

    def _walk(self, tick: int) -> None:
        while self._next is not None and pts(self._next) <= tick:
            self._current, self._next = self._next, next(self._frames, None)

    def _read_index(self) -> list[int]:
        """Ticks of the keyframes whose bytes are in the file, ascending."""
        if self.first is None or self._container.format.name not in SEEKABLE:
            return []
        size = self._path.stat().st_size
        found = sorted(
            entry.timestamp
            for entry in self._stream.index_entries
            if entry.is_keyframe and entry.pos + entry.size <= size
        )
        # The index counts in decoding time; frames are shown a constant delay later.
        delay = pts(self.first) - found[0] if found else 0
        return [timestamp + delay for timestamp in found]

    def _keyframe_ahead(self, tick: int) -> bool:
        """Whether a keyframe lies beyond the decoded frames and not after `tick`."""
        if self._next is None:
            return False
        after = bisect_right(self._keyframes, pts(self._next))
        return after < len(self._keyframes) and self._keyframes[after] <= tick

    def _jump(self, tick: int) -> None:
        """Go to the last keyframe at or before `tick`; if that fails, begin again and walk."""
        last = bisect_right(self._keyframes, tick) - 1
        for place in range(last, max(last - SEEK_TRIES, -1), -1):
            if self._land(self._keyframes[place], tick):
                return
            del self._keyframes[place]
        self._keyframes = []
        self.close()
        self._open(cues=False)

    def _land(self, keyframe: int, tick: int) -> bool:
        try:
            self._container.seek(keyframe, stream=self._stream)
        except av.FFmpegError:
            return False
        self._play()
        found = self._current  # no keyframe: it refers to frames that were jumped over
        return found is not None and found.key_frame and pts(found) <= tick


class _Clock:
    """Gives every frame a pts that grows, whatever the file says (or leaves out)."""

    def __init__(self, stream: VideoStream) -> None:
        rate, base = stream.average_rate or stream.guessed_rate or 25, stream.time_base
        self._step = max(1, round(1 / (rate * base))) if base else 1
        self._last: int | None = None

    def stamp(self, frame: VideoFrame) -> VideoFrame:
        if self._last is None:
            frame.pts = frame.pts or 0
        elif frame.pts is None or frame.pts <= self._last:
            frame.pts = self._last + self._step
        self._last = frame.pts
        return frame


def pts(frame: VideoFrame) -> int:
    """When the frame is shown, in ticks (`_Clock` has made sure that there is a value)."""
    return frame.pts or 0
