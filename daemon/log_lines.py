"""The service's log: one line per message, whatever strangers call their files.

A line break in a name would begin another message, a terminal would obey an escape sequence, and
`<3>` at the beginning of a line sets the priority in systemd's journal. So a message is one line,
made printable, and what follows it, a traceback, is indented.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import TextIO

from ..storage.text import printable

logger = logging.getLogger(__name__)

INDENT = "    "


class LogLines(logging.Formatter):
    """A formatter whose output can't be taken for more messages than it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 (logging's name)
        return _indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (logging's name)
        return _indented(super().formatStack(stack_info))


def log_to(stream: TextIO, level: str, form: str) -> None:
    """Log to `stream`, including exceptions that end this process or one of its threads."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogLines(form))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("ddaemon").setLevel(level.upper())
    sys.excepthook = _log_death
    threading.excepthook = _log_thread_death


def _log_death(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logger.critical("the service died", exc_info=(kind, error, trace))


def _log_thread_death(death: threading.ExceptHookArgs) -> None:
    name = death.thread.name if death.thread else "a thread"
    if death.exc_value is not None:
        info = (death.exc_type, death.exc_value, death.exc_traceback)
        logger.critical("the thread %s died", name, exc_info=info)


def _indented(text: str) -> str:
    return "\n".join(INDENT + printable(line) for line in text.split("\n"))
