"""`ddaemon` commands in processes that share one import of TensorFlow.

Each command is a process of its own, which can be killed, with its own environment, output and exit
code; but it is forked from a process that has imported TensorFlow and Keras already, which takes
longer than most of what the tests train.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

PRELOADED = ["tensorflow", "keras", "keras_tuner", "sklearn.linear_model", "imblearn.over_sampling",
             "pandas", "matplotlib.pyplot", "ddaemon.tests.warm"]  # fmt: skip

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(PRELOADED)


class WarmProcess:
    """A function of an importable module that runs in a process of its own from now on."""

    def __init__(self, call: Callable[..., object], *args: Any) -> None:
        descriptors = [tempfile.mkstemp(prefix="ddaemon-") for _ in ("stdout", "stderr")]
        for descriptor, _ in descriptors:
            os.close(descriptor)
        self._outputs = [Path(path) for _, path in descriptors]
        self._process = _forks.Process(
            target=_run, args=(dict(os.environ), Path.cwd(), self._outputs, call, args)
        )
        self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None as long as it runs."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> CompletedProcess[str]:
        """Its end, with all that it printed."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"it still runs after {seconds} s"
        stdout, stderr = (path.read_text() for path in self._outputs)
        for path in self._outputs:
            path.unlink()
        return CompletedProcess([], code, stdout, stderr)

    def kill(self) -> int:
        """End it and its children at once; the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait().returncode


def start_command(*words: str) -> WarmProcess:
    """`ddaemon WORDS`."""
    return WarmProcess(_command, words)


def _command(words: Sequence[str]) -> None:
    from ddaemon.cli.main import main

    sys.argv = ["ddaemon", *words]
    main()


def _run(
    environment: dict[str, str],
    folder: Path,
    outputs: Sequence[Path],
    call: Callable[..., object],
    args: Sequence[Any],
) -> None:
    os.setsid()  # so that it can be killed with its children
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), stream)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    call(*args)
