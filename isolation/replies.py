"""What a worker process says to the one that started it, and how that is read.

A worker that a hostile video took over says what it likes. A pickle can name any function to be
called when it is read, so answers are read by a reader that knows plain values, exceptions,
dataclasses and enums of ddaemon, and nothing else; see "Restricting Globals" in Python's
documentation of pickle.
"""

import dataclasses
import enum
import io
import pickle
from typing import Any

from ..storage.errors import DdaemonError

MAX_BYTES = 64 * 1024**2  # of one answer: a batch of fingerprints has some kilobytes


class WorkerRaised(DdaemonError):
    """A worker raised what is not taken from it: the name of the class, and its words."""


def write_reply(value: object) -> bytes:
    """A value to be sent. Raises `WorkerRaised` when nobody would read it."""
    try:
        raw = pickle.dumps(value)
        read_reply(raw)
    except (pickle.PickleError, AttributeError, TypeError, ValueError) as error:
        raise WorkerRaised(f"its result can't be handed over: {error}") from error
    return raw


def write_error(error: BaseException) -> bytes:
    """An exception to be sent: as it is, or in words where its class is a stranger's."""
    if isinstance(error, Exception):
        try:
            return write_reply(error)
        except WorkerRaised:
            pass
    told = WorkerRaised(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        told.add_note(note)
    return write_reply(told)


def read_reply(raw: bytes) -> Any:
    """The value. Raises `pickle.UnpicklingError`, or whatever a broken pickle does."""
    return _Reader(io.BytesIO(raw)).load()


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module == "builtins" or module.partition(".")[0] == "ddaemon":
            found = super().find_class(module, name)
            if isinstance(found, type) and _is_plain(found):
                return found
        raise pickle.UnpicklingError(f"a worker may not answer with {module}.{name}")


def _is_plain(kind: type) -> bool:
    # SystemExit and KeyboardInterrupt, which are no Exception, would end whoever asked.
    return issubclass(kind, Exception | enum.Enum) or dataclasses.is_dataclass(kind)
