"""Small files with chosen headers: tags, sound, clocks and time stamps, written with PyAV."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from ddaemon.tests.clips import numbered_frame

RATE = 25
TICKS = Fraction(1, 90_000)
SOUND_RATE, SOUND_BLOCK = 44_100, 1024


def recording(
    path: Path,
    *,
    tags: Mapping[str, str] | None = None,
    stream_tags: Mapping[str, str] | None = None,
    seconds: float = 1.0,
    times: Sequence[float] | None = None,
    sound: tuple[float, float] | None = (0.0, 1.0),
    codec: str = "mpeg4",
    movflags: str = "use_metadata_tags",
) -> Path:
    """A file of numbered pictures.

    `times` are the seconds at which pictures are shown, instead of `seconds` at a steady rate;
    `sound` is its begin and length in seconds, or None.
    """
    shown = [number / RATE for number in range(round(seconds * RATE))] if times is None else times
    options = {"movflags": movflags} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(tags or {})
        video = cast(VideoStream, container.add_stream(codec, rate=RATE))
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000) if codec == "mpeg4" else TICKS
        video.metadata.update(stream_tags or {})
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if sound else None
        for number, time in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number % 256), format="rgb24")
            frame.time_base = video.codec_context.time_base
            frame.pts = round(time / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            _silence(container, audio, *sound)
    return path


def _silence(container: OutputContainer, stream: AudioStream, begin: float, seconds: float) -> None:
    for block in range(round(seconds * SOUND_RATE / SOUND_BLOCK)):
        samples = np.zeros((1, SOUND_BLOCK), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
        frame.pts = round(begin * SOUND_RATE) + block * SOUND_BLOCK
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def trimmed(source: Path, target: Path, seconds: float) -> Path:
    """The same file cut without encoding: the first seconds stay in it, hidden from players."""
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options={"avoid_negative_ts": "disabled"}) as new,
    ):
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        assert stream.time_base is not None
        shift = round(seconds / stream.time_base)
        for packet in old.demux(stream):
            if packet.dts is not None and packet.pts is not None:
                packet.stream, packet.pts, packet.dts = copy, packet.pts - shift, packet.dts - shift
                new.mux(packet)
    return target


def with_clock(source: Path, target: Path, box: str, created: int, modified: int) -> Path:
    """A copy with these seconds since 1904 in every header `box` (mvhd or mdhd, version 0)."""
    data = bytearray(source.read_bytes())
    place = data.find(box.encode())
    while place >= 0:
        assert data[place + 4] == 0, "a header of version 0"
        data[place + 8 : place + 16] = created.to_bytes(4, "big") + modified.to_bytes(4, "big")
        place = data.find(box.encode(), place + 4)
    target.write_bytes(data)
    return target
