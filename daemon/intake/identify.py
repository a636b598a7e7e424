"""Examining files that seem complete. Runs in a process of its own: opening means decoding.

Only what is needed to accept a file: whether its container opens, and the SHA-256 of its content.
"""

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...storage.content import READ_CHUNK_BYTES, FileStamp, file_name
from ..dispatch.worker import VideoChanged

SHA256 = re.compile("[0-9a-f]{64}")
# A pipe that has just taken the file's place must not block, and a link must not be followed.
SAFELY = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in one file: its readiness and why, its content, and its stamp, which was
    the same before and after the reading."""

    readiness: str
    why: str
    sha256: str
    stamp: FileStamp


Examined = Examination | VideoChanged | OSError


def examine_all(videos: Sequence[Path]) -> list[Examined]:
    """Open and hash each file; where that fails, the reason takes the result's place."""
    return [_attempt(video, is_opened=True) for video in videos]


def fingerprint_all(videos: Sequence[Path]) -> list[Examined]:
    """The same without opening containers, for files whose opening ended the process."""
    return [_attempt(video, is_opened=False) for video in videos]


def require_answers(reply: object, number: int) -> list[Examined]:
    """The process's reply about so many files. It may have been hijacked: raises TypeError."""
    if isinstance(reply, list) and len(reply) == number and all(map(_is_answer, reply)):
        return reply
    raise TypeError("the answer is none of what examining finds")


def _is_answer(reply: object) -> bool:
    if not isinstance(reply, Examination):
        return isinstance(reply, VideoChanged | OSError)
    texts = (reply.readiness, reply.why, reply.sha256)
    is_stamp = isinstance(reply.stamp, FileStamp) and all(
        isinstance(part, int)
        for part in (reply.stamp.size, reply.stamp.mtime_ns, reply.stamp.inode)
    )
    return (
        is_stamp
        and all(isinstance(text, str) for text in texts)
        and bool(SHA256.fullmatch(reply.sha256))
    )


def _attempt(video: Path, *, is_opened: bool) -> Examined:
    try:
        return _examine(video, is_opened=is_opened)
    except VideoChanged as error:
        return error
    except OSError as error:
        # Without the path that it may carry: the caller knows it, and accepts plain values only.
        return OSError(error.errno, error.strerror)


def _examine(video: Path, *, is_opened: bool) -> Examination:
    from ...stages.media.probe import readiness

    status = video.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise VideoChanged(f"{file_name(video)} is no regular file any more")
    before = FileStamp.of(status)
    ready, why = readiness(video) if is_opened else ("unread", "it ended its reader")
    digest = _hash(video, before.size)
    if FileStamp.of(video.lstat()) != before:
        raise VideoChanged(f"{file_name(video)} changed while it was read")
    return Examination(str(ready), why, digest, before)


def _hash(video: Path, size: int) -> str:
    """SHA-256 of the first `size` bytes, in hex, so that a growing file has an end."""
    digest, left = hashlib.sha256(), size
    with os.fdopen(os.open(video, SAFELY), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise VideoChanged(f"{file_name(video)} is no regular file any more")
        while left > 0 and (chunk := stream.read(min(left, READ_CHUNK_BYTES))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
