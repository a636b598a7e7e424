"""A real service on a real folder, started as a user would start it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from ddaemon.cli.main import main
from ddaemon.daemon.home.home import Home
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.states import State
from ddaemon.tests.warm import start_command

PATIENCE_S = 400.0
LOOK_S = 0.1
STACKS = {"PYTHONFAULTHANDLER": "1"}  # SIGABRT makes it write the stacks of its threads
SETTINGS = """
[inbox]
settle = 0.6
patience = 4
rescan = 2
[queue]
backoff = 0.2
[frames]
count = 8
[faces]
detect_size = 256
[gradcam]
check = false
"""


class Ddaemon:
    """One home and, while it runs, its service."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.inbox, self.outbox, self.quarantine = (
            home / name for name in ("inbox", "outbox", "quarantine")
        )
        self.service: subprocess.Popen[bytes] | None = None
        self.log = home.parent / "service.log"
        self.module = "ddaemon.cli"  # what is started: a launcher may stand before it
        self.launcher: tuple[str, ...] = ()  # words before the command, such as those of setpriv

    def call(self, *words: str, code: int = 0) -> str:
        """Run a command to its end; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "ddaemon.cli", "--home", str(self.home), *words],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def call_here(self, *words: str, code: int = 0) -> str:
        """The same within this process, for what is not about the process: one of its own takes up
        to a second only to begin."""
        out, told = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        mask = os.umask(0o077)
        os.umask(mask)
        try:
            with redirect_stdout(out), redirect_stderr(told):
                main(["--home", str(self.home), *words])
        except SystemExit as end:
            ended = end.code
        finally:
            os.umask(mask)
        said, more = (stream.buffer.getvalue().decode() for stream in (out, told))
        assert ended == code, said + more
        return said if code == 0 else said + more

    def warm_call(self, *words: str, code: int = 0) -> str:
        """Run a command that needs TensorFlow to its end; its standard output."""
        done = start_command("--home", str(self.home), *words).wait(PATIENCE_S)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def status(self, *words: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.call_here("status", "--json", *words))
        return record

    def configure(self, text: str) -> None:
        (self.home / "ddaemon.toml").write_text(text)

    def start(self, *words: str, **environment: str) -> None:
        with self.log.open("ab") as log:
            self.service = subprocess.Popen(
                [*self.launcher, sys.executable, "-m", self.module, "--home", str(self.home),
                 "run", *words],
                stdout=log, stderr=log, env={**os.environ, **STACKS, **environment},
            )  # fmt: skip

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.service is not None
        self.service.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Until the service ends; its exit code. When it does not, the log shows where it hangs."""
        assert self.service is not None
        try:
            code = self.service.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            self.service.send_signal(signal.SIGABRT)
            self.service.wait(PATIENCE_S)
            raise AssertionError(f"the service did not end:\n{self.log.read_text()}") from error
        self.service = None
        return code

    def until(self, condition: Callable[[], Any], what: str, every_s: float = LOOK_S) -> Any:
        """Poll until it is true; on failure show the service's log."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if found := condition():
                return found
            if self.service is not None and self.service.poll() is not None:
                break
            time.sleep(every_s)
        raise AssertionError(f"{what} did not come about:\n{self.log.read_text()}")

    def verdicts(self) -> list[dict[str, Any]]:
        """Every verdict in the outbox. A folder must be whole whenever it can be seen."""
        return [
            json.loads((folder / "verdict.json").read_bytes())
            for folder in sorted(self.outbox.iterdir())
            if not folder.name.startswith(".")
        ]

    def ended(self, number: int) -> list[dict[str, Any]]:
        """Wait until `number` jobs have ended; their verdicts."""

        reader = JobReader(Home(self.home).database)

        def enough() -> bool:
            counts = reader.counts()
            return counts[State.DONE] + counts[State.QUARANTINED] >= number

        try:
            self.until(enough, f"{number} ended jobs")
        finally:
            reader.close()
        return self.verdicts()
