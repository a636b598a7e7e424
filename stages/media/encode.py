"""Writing video with PyAV: for the demo clips, for training and for tests."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.stream import VideoStream

from .video import Image

TICKS_PER_SECOND = 90_000
ONE_FRAME = {
    "preset": "veryfast",
    "tune": "zerolatency",
}  # of libx264, for a single frame


def write_video(
    path: Path,
    frames: Iterable[Image],
    *,
    fps: float = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    rotation: int = 0,
    aspect: Fraction = Fraction(1),
    times: Sequence[float] | None = None,
) -> None:
    """Encode frames into a container chosen by the file name's ending.

    Args:
        path: the file to write.
        frames: RGB images of one size, uint8 (height, width, 3).
        fps: frames a second.
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the encoder's input format.
        options: of the encoder, such as {"crf": "23"}.
        rotation: degrees clockwise by which a player is told to turn the picture.
        aspect: width of a pixel divided by its height.
        times: seconds at which each frame is shown; without it they follow at `fps`.
    """
    rate = Fraction(fps).limit_denominator(1001)
    with closing(av.open(str(path), "w")) as container:
        stream = container.add_stream(codec, rate=rate, options=dict(options or {}))
        stream = cast(VideoStream, stream)
        stream.pix_fmt, stream.sample_aspect_ratio = pixel_format, aspect
        if rotation:
            stream.set_display_rotation(-rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, TICKS_PER_SECOND)
        for number, image in enumerate(frames):
            if number == 0:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number if times is None else round(times[number] * TICKS_PER_SECOND)
            frame.time_base = 1 / rate if times is None else Fraction(1, TICKS_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def through_h264(image: Image, crf: int) -> Image:
    """One frame after H.264 compression: RGB, uint8 (height, width, 3), the same shape.

    `crf` is libx264's constant rate factor: 18 looks unchanged, 40 is all blocks.
    """
    height, width = image.shape[:2]
    even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    encoder = CodecContext.create("libx264", "w")
    encoder.height, encoder.width = even.shape[:2]
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.thread_count, encoder.options = 1, {"crf": str(crf), **ONE_FRAME}
    frame = av.VideoFrame.from_ndarray(even, format="rgb24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = CodecContext.create("h264", "r")
    decoder.thread_count = 1
    shown = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.ascontiguousarray(shown[0].to_ndarray(format="rgb24")[:height, :width])
