"""Finding out, before a file is judged, whether it is complete and a video at all.

Runs in a process of its own: FFmpeg reads untrusted bytes here.
"""

from contextlib import closing
from enum import StrEnum
from pathlib import Path

from ...storage.errors import NotAnalysable, Reason
from .container import open_container, video_stream


class Readiness(StrEnum):
    """What intake is to do with a file that has stopped growing."""

    READY = "ready"  # the container opens and holds moving pictures
    WAITING = "waiting"  # empty, or begins like a video but does not open: still being written
    FOREIGN = "foreign"  # something else, and waiting will not change that


def readiness(path: Path) -> tuple[Readiness, str]:
    """Whether a file can be analysed yet, with one sentence why. Decodes no frame.

    Raises OSError when the file cannot be read.
    """
    try:
        with closing(open_container(path)) as container:
            stream = video_stream(container)
            return Readiness.READY, f"{container.format.name}, {stream.codec_context.name}"
    except NotAnalysable as refusal:
        waits = refusal.reason is Reason.UNDECODABLE
        return (Readiness.WAITING if waits else Readiness.FOREIGN), refusal.detail
