"""What a worker process sends to the process that started it, and how that is read.

A worker hijacked by a hostile video may send anything. A pickle can name any function to be called
when it is loaded, so replies are loaded by a reader that accepts plain values, exceptions,
dataclasses and enums of ddaemon, and nothing else; see "Restricting Globals" in Python's
documentation of pickle.
"""

import dataclasses
import enum
import io
import pickle
from typing import Any

from ..storage.errors import DdaemonError

MAX_BYTES = 64 * 1024**2  # of one reply: a batch of fingerprints has some kilobytes


class WorkerRaised(DdaemonError):
    """A worker raised an exception whose class is not accepted: that class's name, and the text."""


def write_reply(value: object) -> bytes:
    """A value to be sent. Raises `WorkerRaised` when the reader would refuse it."""
    try:
        raw = pickle.dumps(value)
        read_reply(raw)
    except (pickle.PickleError, AttributeError, TypeError, ValueError) as error:
        raise WorkerRaised(f"its result can't be handed over: {error}") from error
    return raw


def write_error(error: BaseException) -> bytes:
    """An exception to be sent: as it is, or as text where its class is not accepted."""
    if isinstance(error, Exception):
        try:
            return write_reply(error)
        except WorkerRaised:
            pass
    as_text = WorkerRaised(f"{type(error).__name__}: {error}")
    for note in getattr(error, "__notes__", ()):
        as_text.add_note(note)
    return write_reply(as_text)


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
    # SystemExit and KeyboardInterrupt are no Exception: they would end the process that reads them.
    return issubclass(kind, Exception | enum.Enum) or dataclasses.is_dataclass(kind)
