"""A worker process that can be killed, behind the shape of an Executor.

One process, one call at a time. A pool of the standard library does not fit: it unpickles whatever
its processes send, which is how a hijacked one would get out (see `replies`), and it
breaks as a whole when one of them dies. A limit ends a running call by killing the process; the
next call starts a new one.
"""

import json
import logging
import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

import psutil

from ..storage.errors import WorkerError
from . import inherited
from .replies import MAX_BYTES, read_reply, write_error, write_reply
from .sandbox.confinement import Confinement
from .sandbox.rules import apply_rules

logger = logging.getLogger(__name__)

T = TypeVar("T")

PARENT_POLL_S = 1.0
LISTEN_S = 5.0  # between checks whether a silent process still exists
SIGN_EVERY_S = 1.0  # between signs of life

# The first byte of what a worker sends.
HELLO, ALIVE, RESULT, ERROR = b"h", b".", b"r", b"e"


class Handle(Protocol):
    """Something open that a process inherits: a connection, a socket."""

    def close(self) -> None:
        """Close this process's copy."""
        ...


class HandleSource(Protocol):
    """Opens a handle for each new process to inherit."""

    def open_handle(self) -> Handle:
        """A handle for one new process, which finds it by `inherited.find`."""
        ...


class WorkerProcess:
    """One process at a time, spawned when first needed.

    Args:
        recycle: calls after which the process is replaced by a fresh one.
        confinement: what it may do. When this is replaced, or another folder is mounted over one
            of its paths, the next call gets a new process.
        handle_source: opens what a new process inherits. When this is replaced, so is the process.
    """

    def __init__(
        self, recycle: int, confinement: Confinement, handle_source: HandleSource | None = None
    ) -> None:
        self.confinement = confinement
        self.handle_source = handle_source
        self._recycle = recycle
        self._running: _Running | None = None

    def submit(self, call: Callable[..., T], *args: object) -> "Future[T]":
        """Run `call(*args)` in the process. One call at a time: wait for the future first.

        The future raises `BrokenProcessPool` when the process died in mid-call, `WorkerError`
        when it can't be confined as required, and `WorkerRaised` for an exception
        whose class is not ddaemon's or Python's own.
        """
        if self._running is not None and self._is_used_up(self._running):
            self.stop()
        if self._running is None:
            self._running = _Running(self.confinement, self.handle_source)
        return self._running.call(call, args)

    def is_alive(self) -> bool:
        """Whether there is a process now."""
        return self._running is not None and not self._running.ended.is_set()

    def memory_bytes(self) -> int:
        """What the process holds in memory now; 0 without a process."""
        if self._running is None:
            return 0
        try:
            return int(psutil.Process(self._running.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def signs(self) -> int:
        """How many signs of life came from this process: more than before means it lives."""
        return self._running.signs if self._running is not None else 0

    def missing(self) -> tuple[str, ...]:
        """The sandbox rules that could not be applied, known when the first call has ended."""
        return self._running.missing if self._running is not None else ()

    def kill(self) -> None:
        """End the process at once, whatever it does; its future raises `BrokenProcessPool`."""
        if self._running is not None:
            self._running.process.kill()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._running is not None:
            self._running.stop()
        self._running = None

    def _is_used_up(self, running: "_Running") -> bool:
        return (
            running.calls >= self._recycle
            or running.ended.is_set()
            or running.handle_source is not self.handle_source
            or running.confinement != self.confinement
            or running.identities != self.confinement.identities()
        )


class _Running:
    """One process, and the thread that listens to it."""

    def __init__(self, confinement: Confinement, handle_source: HandleSource | None) -> None:
        self.confinement = confinement
        self.handle_source = handle_source
        self.identities = confinement.identities()
        self.calls = 0
        self.signs = 0
        self.missing: tuple[str, ...] = ()
        self.ended = threading.Event()
        self._future: Future[Any] | None = None
        self._lock = threading.Lock()  # of the future: two threads may resolve it
        # A forked child would inherit the service's locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        # Two pipes, not a pair of sockets: the worker needs no socket at all.
        theirs, self._requests = context.Pipe(duplex=False)
        self._replies, there = context.Pipe(duplex=False)
        handed = () if handle_source is None else (handle_source.open_handle(),)
        self.process = context.Process(
            target=_serve, args=(theirs, there, confinement, *handed), daemon=True
        )
        self.process.start()
        # The worker holds the only other ends: when it dies, reading and writing here fail.
        for end in (theirs, there, *handed):
            end.close()
        self.pid = self.process.pid or 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def call(self, call: Callable[..., Any], args: tuple[object, ...]) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        self.calls += 1
        self._future = future
        self._grant_processor_time()
        try:
            self._requests.send((call, args))
        except OSError:  # it died since the last check
            self._resolve(None, BrokenProcessPool(self._how_it_ended()))
        return future

    def stop(self) -> None:
        self.process.kill()
        self._listener.join()
        self._requests.close()

    def _grant_processor_time(self) -> None:
        """Set from outside and before each call: a process is used for many of them, and may not
        raise its own limit."""
        if self.confinement.mode == "off" or self.confinement.cpu_seconds is None:
            return
        try:
            process = psutil.Process(self.pid)
            used = process.cpu_times()
            most = int(used.user + used.system + self.confinement.cpu_seconds) + 1
            hard = process.rlimit(psutil.RLIMIT_CPU)[1]
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            process.rlimit(psutil.RLIMIT_CPU, (least, hard))
        except psutil.NoSuchProcess:  # the call will find that out
            return

    def _listen(self) -> None:
        """Runs in a thread of its own until the process is gone."""
        try:
            while self._has_more():
                raw = self._replies.recv_bytes(MAX_BYTES)
                self.signs += 1
                self._take(raw[:1], raw[1:])
        except (EOFError, OSError, ValueError, TypeError, RecursionError) as error:
            # It ended, or sent what no worker sends: nothing more is read from it.
            logger.debug("nothing more is read from worker %d: %r", self.pid, error)
        finally:  # the caller's future is resolved, whatever ended this thread
            self.process.kill()
            self.process.join()
            self.ended.set()
            self._replies.close()
            self._resolve(None, BrokenProcessPool(self._how_it_ended()))

    def _has_more(self) -> bool:
        """Wait for the next message; False when the process is gone. The pipe alone can't tell:
        where no sandbox rule forbids a fork, another process may hold it open."""
        while not self._replies.poll(LISTEN_S):
            if self.process.exitcode is not None:
                return False
        return True

    def _take(self, kind: bytes, raw: bytes) -> None:
        if kind == HELLO:
            self.missing = tuple(str(part) for part in json.loads(raw))
        elif kind in (RESULT, ERROR):
            try:
                value = read_reply(raw)
            # Whatever a forged pickle raises is the worker's fault, never the listener's end.
            except Exception as error:  # noqa: BLE001
                value, kind = BrokenProcessPool(f"its answer can't be read: {error}"), ERROR
            if kind == RESULT:
                self._resolve(value, None)
            else:
                self._resolve(None, value if isinstance(value, Exception) else BrokenProcessPool())

    def _resolve(self, result: object, error: BaseException | None) -> None:
        with self._lock:
            future, self._future = self._future, None
        if future is None:
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _how_it_ended(self) -> str:
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"the worker process ended itself (exit {code})"
        return f"the worker process died of {signal.Signals(-code).name}"


# -- inside the worker -------------------------------------------------------------------------


def _serve(
    calls: Connection, answers: Connection, confinement: Confinement, *handed: object
) -> None:
    """What a worker does, from its first moment to its last."""
    _prepare()
    inherited.keep(*handed)
    missing = apply_rules(confinement)
    outbound = _Outbound(answers)
    outbound.send(HELLO, json.dumps(missing).encode())
    threading.Thread(target=_die_with, args=(os.getppid(),), daemon=True).start()
    threading.Thread(target=_send_heartbeats, args=(outbound,), daemon=True).start()
    refused = missing if confinement.mode == "require" else ()
    while True:
        try:
            call, args = calls.recv()
        except EOFError:
            return
        outbound.send(*_reply_to(call, args, refused))


def _reply_to(
    call: Callable[..., object], args: tuple[object, ...], refused: tuple[str, ...]
) -> tuple[bytes, bytes]:
    try:
        _require_none(refused)
        return RESULT, write_reply(call(*args))
    # It is raised again where the call came from.
    except BaseException as error:  # noqa: BLE001
        error.add_note("In the worker:\n" + traceback.format_exc())
        return ERROR, write_error(error)


def _require_none(refused: tuple[str, ...]) -> None:
    if refused:
        raise WorkerError(
            f'workers.sandbox is "require", and this machine lacks {"; ".join(refused)}; '
            'fix that, or set it to "auto"'
        )


class _Outbound:
    """The pipe to the service; two threads write to it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, kind: bytes, raw: bytes) -> None:
        with self._lock:
            self._pipe.send_bytes(kind + raw)


def _send_heartbeats(outbound: _Outbound) -> None:
    """A process that is stopped, or whose interpreter is held by one long call, falls silent."""
    while True:
        try:
            outbound.send(ALIVE, b"")
        except BrokenPipeError:  # the service is gone, and this process goes with it
            return
        time.sleep(SIGN_EVERY_S)


def _prepare() -> None:
    """The first thing in a new worker: leave signals to the service, which ends it."""
    # Read when NumPy is imported, which is later. The head's small products gain nothing from more
    # threads, and wait for them for a tenth of a second each where the other cores are busy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGKILL)
