"""What becomes of a file that was examined: it is accepted, waits, or is looked at again."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...storage.content import FileStamp
from ...storage.text import printable
from ..dispatch.worker import VideoChanged
from .arrivals import Arrivals
from .identify import Examination, Examined
from .refusals import Refusals

logger = logging.getLogger(__name__)

WAITING = "waiting"  # the readiness of a container that is still being written


def sift(
    found: Iterable[tuple[Path, FileStamp, Examined]],
    arrivals: Arrivals,
    refusals: Refusals,
    *,
    now: float,
    rescan_s: float,
) -> Mapping[Path, Examination]:
    """The files that are to be accepted. For the others `arrivals` and `refusals` note what they
    wait for; one that can't be read is tried again after `rescan_s` seconds."""
    ready: dict[Path, Examination] = {}
    for path, stamp, answer in found:
        if not arrivals.is_current(path, stamp):
            continue
        if isinstance(answer, VideoChanged | FileNotFoundError):
            logger.info("%s is looked at again: %s", printable(path.name), answer)
            arrivals.again(path, stamp, now)
        elif isinstance(answer, OSError):
            why = f"it can't be read: {answer.strerror or answer}"
            refusals.add(path, why, is_told=True)
            arrivals.cannot_read(path, stamp, now + rescan_s)
        elif answer.readiness == WAITING and not arrivals.is_patience_over(path, now):
            logger.info("%s waits: %s", printable(path.name), answer.why)
            arrivals.wait(path, stamp, now)
        else:
            ready[path] = answer
    return ready
