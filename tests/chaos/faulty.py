"""The real command with a fault in it: dies, hangs or raises at a point that a plan names.

    python -m ddaemon.tests.chaos.faulty --home DIR run

The points are enumerated by the code under test: every change that ddaemon makes to a file of its
home, or to its database, is a point, named by the operation and the line of ddaemon that does it.
Nothing in ddaemon knows of this: Python's audit hooks (PEP 578) see the file operations, and the
database driver's commits and fsync are wrapped. The environment variable `CHAOS_FOLDER` names a
folder with

    points     appended: each point that was passed, one a line: role, thread, label
    plan.json  {"role", "label", "thread", "deed"}: the next time that this point comes, do it;
               the file is removed first, so that it is done once, by one process; the label may
               be a pattern, as of file names
    go         ends the deed "wait"

A plan may also name a point at which a file of the inbox is about to be read, in Python; these
are not listed.
"""

import ctypes
import fnmatch
import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import ddaemon

FOLDER, HOME = "CHAOS_FOLDER", "CHAOS_HOME"  # environment variables
ROOT = Path(ddaemon.__file__).parent
SKIPPED = [ROOT / name for name in ("tests", ".venv", "storage/database.py")]
CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# Audit events and which of their arguments are paths.
FILE_EVENTS = {
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
}


class Saboteur:
    """Sees every point of this process."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._plan = folder / "plan.json"
        self._points = os.open(folder / "points", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._home = os.fsencode(home)
        self._inbox = os.fsencode(home / "inbox")
        self._busy = threading.local()
        # A spawned process imports this file under another name than the one that was started.
        self.role = "service" if __name__ == "__main__" else "worker"

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open":
            path, _mode, flags = arguments
            if isinstance(flags, int) and self._is_ours(path):
                if flags & CHANGING:
                    self.point("open for writing")
                elif os.fsencode(path).startswith(self._inbox):
                    self.point("open for reading", is_listed=False)
        elif (places := FILE_EVENTS.get(event)) and any(
            self._is_ours(arguments[place]) for place in places
        ):
            self.point(event.removeprefix("os."))

    def point(self, operation: str, *, is_listed: bool = True) -> None:
        """The process is about to do this, or has just done it."""
        if getattr(self._busy, "here", False):
            return
        self._busy.here = True
        try:
            if line := _line(sys._getframe()):
                self._pass(f"{operation} in {line}", is_listed)
        finally:
            self._busy.here = False

    def _pass(self, label: str, is_listed: bool) -> None:
        thread = threading.current_thread().name
        if is_listed:
            os.write(self._points, f"{self.role}\t{thread}\t{label}\n".encode())
        try:
            plan = json.loads(self._plan.read_bytes())
        except FileNotFoundError:
            return
        if plan["role"] != self.role or not _fits(label, plan["label"]):
            return
        if plan["thread"] in (thread, None) and self._take():
            DEEDS[plan["deed"]]()

    def _take(self) -> bool:
        """Only one process, one time."""
        try:
            self._plan.unlink()
        except FileNotFoundError:
            return False
        return True

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsencode(path).startswith(
            self._home
        )


def _fits(label: str, wanted: str | None) -> bool:
    return wanted is None or label == wanted or fnmatch.fnmatchcase(label, wanted)


def _line(frame: FrameType | None) -> str | None:
    """The innermost line of ddaemon that is neither of this suite nor the database's own; None
    for what only reads the database, or is done by nobody of ddaemon."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if frame.f_code.co_qualname == "Database.read":
            return None
        if path.is_relative_to(ROOT) and not any(path.is_relative_to(place) for place in SKIPPED):
            place = path.relative_to(ROOT).as_posix()
            return f"{place}:{frame.f_code.co_qualname}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # a signal to oneself is not always there at once


def _hang() -> None:
    time.sleep(3600)


def _wait() -> None:
    go = Path(os.environ[FOLDER]) / "go"
    while not go.exists():
        time.sleep(0.01)
    go.unlink()


def _raise() -> None:
    raise MemoryError("a fault that the suite injects")


def _crash() -> None:
    ctypes.string_at(0)


DEEDS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "hang": _hang,
    "wait": _wait,
    "raise": _raise,
    "crash": _crash,
}


def _wrap_commits(saboteur: Saboteur) -> None:
    """A change of state is a commit: a point before it and a point behind it."""
    from sqlalchemy.engine.default import DefaultDialect

    commit = DefaultDialect.do_commit

    @functools.wraps(commit)
    def wrapped(self: Any, connection: Any) -> None:
        saboteur.point("before commit")
        commit(self, connection)
        saboteur.point("after commit")

    DefaultDialect.do_commit = wrapped  # type: ignore[method-assign]


def _wrap_fsync(saboteur: Saboteur) -> None:
    fsync = os.fsync

    @functools.wraps(fsync)
    def wrapped(descriptor: Any) -> None:
        saboteur.point("before fsync")
        fsync(descriptor)

    os.fsync = wrapped


def _sabotage() -> None:
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    home = Path(os.environ[HOME])
    saboteur = Saboteur(Path(folder), home)
    if saboteur.role == "service":  # a worker has no database, and importing it would cost it time
        _wrap_commits(saboteur)
    _wrap_fsync(saboteur)
    sys.addaudithook(saboteur.hook)


# At import, because a spawned worker imports this file as its main module and runs nothing of it.
_sabotage()

if __name__ == "__main__":
    from ddaemon.cli.main import main

    main()
