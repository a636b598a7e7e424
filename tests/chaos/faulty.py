"""The real command with a fault in it: dies, hangs or raises at a point that a plan names.

    python -m ddaemon.tests.chaos.faulty --home DIR run

The points are enumerated by the code under test: every change that ddaemon makes to a file of its
home, or to its database, is a point, named by the operation and the line of ddaemon that does it.
Nothing in ddaemon knows of this: Python's audit hooks (PEP 578) see the file operations, and the
database driver's commits, fsync and what libraries write natively are wrapped. The environment
variable `CHAOS_FOLDER` names a folder with

    points     appended: each point that was passed, one a line: role, thread, label
    plan.json  {"role", "label", "thread", "deed", "time", "victim"}: the so manyth time that a
               point comes in one process whose label begins so, or fits this pattern (as of file
               names), do it; the file is emptied first, so that it is done once, by one process
    clock      seconds by which the wall clock is wrong, in every process that was started so
    go         holds the id of a plan whose deed "wait" is to end

All are opened when the process starts: later a worker may be allowed no file but its own. A plan
may also name a point at which a file of the inbox is about to be read, in Python; these are not
listed.
"""

import ctypes
import fcntl
import fnmatch
import functools
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import ddaemon

FOLDER, HOME = "CHAOS_FOLDER", "CHAOS_HOME"  # environment variables
ROOT = Path(ddaemon.__file__).parent
SKIPPED = [ROOT / name for name in ("tests", ".venv", "storage/database.py")]
MAX_PLAN = 4096  # bytes
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
NATIVE = (("cv2", "imwrite"), ("av", "open"))  # what writes files past Python


GO: dict[str, Any] = {}  # the open file, and the id of the plan that waits


class Saboteur:
    """Sees every point of this process."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._plan = os.open(folder / "plan.json", os.O_RDWR | os.O_CREAT, 0o600)
        self._points = os.open(folder / "points", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        GO["file"] = os.open(folder / "go", os.O_RDONLY | os.O_CREAT, 0o600)
        self._home = os.fsencode(home)
        self._inbox = os.fsencode(home / "inbox")
        self._came: Counter[str] = Counter()  # how often, by plan
        self._unwrapped = list(NATIVE)
        self._busy = threading.local()
        # A spawned process imports this file under another name than the one that was started.
        self.role = "service" if __name__ == "__main__" else "worker"

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if event == "open":
            self._wrap_natives()
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
        text = os.pread(self._plan, MAX_PLAN, 0)
        if not text:
            return
        plan = json.loads(text)
        if plan["role"] != self.role or not _fits(label, plan["label"] or ""):
            return
        if plan["thread"] not in (thread, None):
            return
        self._came[plan["id"]] += 1
        if self._came[plan["id"]] == plan["time"] and self._take(text):
            GO["id"] = plan["id"]
            DEEDS[plan["deed"]](*filter(None, [plan["victim"]]))

    def _take(self, plan: bytes) -> bool:
        """Only one process, one time."""
        fcntl.flock(self._plan, fcntl.LOCK_EX)
        try:
            is_there = os.pread(self._plan, MAX_PLAN, 0) == plan
            if is_there:
                os.ftruncate(self._plan, 0)
            return is_there
        finally:
            fcntl.flock(self._plan, fcntl.LOCK_UN)

    def _wrap_natives(self) -> None:
        """Whichever of them this process has imported meanwhile."""
        for name, function in self._unwrapped[:]:
            module = sys.modules.get(name)
            if module is not None and not getattr(module.__spec__, "_initializing", False):
                self._unwrapped.remove((name, function))
                setattr(module, function, self._wrapped(function, getattr(module, function)))

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def wrapped(path: Any, *arguments: Any, **named: Any) -> Any:
            if not self._is_ours(path):
                return call(path, *arguments, **named)
            self.point(f"before {name}")
            answer = call(path, *arguments, **named)
            self.point(f"after {name}")
            return answer

        return wrapped

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsencode(path).startswith(
            self._home
        )


def _fits(label: str, wanted: str) -> bool:
    return label.startswith(wanted) or fnmatch.fnmatchcase(label, wanted)


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
    while GO["id"].encode() not in os.pread(GO["file"], MAX_PLAN, 0).splitlines():
        time.sleep(0.01)


def _raise() -> None:
    raise MemoryError("a fault that the suite injects")


def _crash() -> None:
    ctypes.string_at(0)


def _end_thread(victim: str) -> None:
    """Make the thread of this name, or of this class, end as soon as it does anything."""
    for thread in threading.enumerate():
        if victim in (thread.name, type(thread).__name__) and thread.ident is not None:
            number = ctypes.c_ulong(thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(MemoryError))


DEEDS: dict[str, Callable[..., None]] = {
    "kill": _kill,
    "hang": _hang,
    "wait": _wait,
    "raise": _raise,
    "crash": _crash,
    "end thread": _end_thread,
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


def _wrong_clock(folder: Path) -> None:
    """Before ddaemon is imported, which keeps `time.time` in defaults. The monotonic one stays."""
    told = os.open(folder / "clock", os.O_RDONLY | os.O_CREAT, 0o600)
    right = time.time

    def wrong() -> float:
        return right() + float(os.pread(told, MAX_PLAN, 0) or 0)

    time.time = wrong


def _sabotage() -> None:
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    _wrong_clock(Path(folder))
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
