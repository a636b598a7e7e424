"""Opening a container with PyAV, safely: local files only, known formats only, nothing decoded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from ...storage.errors import NotAnalysable, Reason
from .signature import is_blank, is_video, read_head

# FFmpeg's names. Demuxers that open further files (hls, dash, concat) and those for images stay
# out: a whitelist refuses them before they have read a byte.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,"
    "h264,hevc,m4v,ivf,obu,nut,dv,wtv,rm,gxf,vc1,yuv4mpegpipe"
)
# FFmpeg's names of single formats, as an open container gives them.
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"  # QuickTime as well
MATROSKA = "matroska,webm"
AVI = "avi"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def open_container(path: Path) -> InputContainer:
    """Open a container and read its header.

    Raises `NotAnalysable`: unsupported when it is not a video, undecodable when it begins like
    one (or is empty) and does not open. Raises OSError when the file cannot be read.
    """
    if not path.is_file() and path.exists():
        raise NotAnalysable(Reason.UNSUPPORTED, "This is not a regular file.")
    head = read_head(path)
    if is_blank(head):
        raise NotAnalysable(Reason.UNDECODABLE, "The file is empty.")
    try:
        return av.open(f"file:{path.resolve()}", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise _refusal(head) from error


def _refusal(head: bytes) -> NotAnalysable:
    if is_video(head):
        return NotAnalysable(
            Reason.UNDECODABLE,
            "The file begins like a video but does not open: it is cut off or damaged.",
        )
    return NotAnalysable(Reason.UNSUPPORTED, "The file is not a video that ddaemon knows.")


def video_stream(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures; a cover picture in a sound file does not count.

    Raises `NotAnalysable` (unsupported) when there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if cast(object, stream.codec_context) is None:  # PyAV's types promise one
            raise NotAnalysable(Reason.UNSUPPORTED, "There is no decoder here for this video.")
        return stream
    raise NotAnalysable(Reason.UNSUPPORTED, "The file holds no moving pictures.")


def packets(
    container: InputContainer, stream: VideoStream | None = None
) -> "Iterator[Packet[Any]]":
    """The packets of one stream, or of all, from where the container stands to its end.

    A transport stream may add streams as it goes on. PyAV lists the streams once and fails on
    packets of streams that were added later, so those are left out.
    """
    asked = () if stream is None else (stream,)
    while True:
        try:
            yield from container.demux(*asked)
        except IndexError:
            continue
        return
