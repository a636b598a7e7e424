"""Nothing in a message can be taken for another message, or for a priority of the journal."""

import io
import logging
import sys
import threading

import pytest

from ddaemon.daemon.log_lines import LogLines, log_to

HOSTILE = "a\n<0>ERROR b\x1b[31m\r\udcff"


def formatted(**more: object) -> list[str]:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "job %s", (HOSTILE,), None)
    record.__dict__.update(more)
    return LogLines("%(levelname)s %(message)s").format(record).split("\n")


def test_a_message_is_one_printable_line() -> None:
    assert formatted() == ["ERROR job a\\n<0>ERROR b\\x1b[31m\\r\\xff"]


def test_a_traceback_that_quotes_a_name_is_indented_and_printable() -> None:
    error = ValueError(HOSTILE)
    first, *rest = formatted(exc_info=(ValueError, error, None))
    assert first.startswith("ERROR job a")
    assert rest[-1].startswith("    <0>ERROR b\\x1b[31m")
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_what_ends_the_process_or_a_thread_is_a_message_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for where, what in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(where, what, getattr(where, what))
    root, stream = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level, logging.getLogger("ddaemon").level
    try:
        log_to(stream, "info", "%(levelname)s %(message)s")
        thread = threading.Thread(target=lambda: int(HOSTILE), name="publisher")
        thread.start()
        thread.join()
        sys.excepthook(RuntimeError, RuntimeError(HOSTILE), None)
    finally:
        root.setLevel(level[0])
        logging.getLogger("ddaemon").setLevel(level[1])
    lines = stream.getvalue().splitlines()
    messages = [line for line in lines if not line.startswith("    ")]
    assert messages == ["CRITICAL the thread publisher died", "CRITICAL the service died"]
