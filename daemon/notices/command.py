"""The user's command for notices: JSON on its standard input, the main values in DDAEMON_*.

There is no shell in between, and names are passed only in the environment and in the JSON: a file's
name can't become a word of a command. In the environment they are made printable, since a script
will echo them; in the JSON they are unchanged.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ...record.file import VERDICT_FILE
from ...storage.text import printable
from ..publishing.outbox import REASON_FILE
from .delivery_result import DeliveryResult, NotDelivered

MAX_STDERR_BYTES = 400
SHOWN = ("event", "delivery", "job", "name", "sha256", "decision", "reason", "probability", "at")
KEPT = "DDAEMON_HOME"
# For the service alone: its settings may hold passwords, and its manager listens to it only.
HIDDEN = ("DDAEMON_", "NOTIFY_SOCKET", "WATCHDOG_")


class Command:
    """The target behind `notify.command`."""

    key = "command"

    def __init__(
        self, words: Sequence[str], outbox: Path, quarantine: Path, *, timeout: float
    ) -> None:
        self.words = list(words)
        self._outbox = outbox
        self._quarantine = quarantine
        self._timeout = timeout
        self.label = f"command {words[0]}"

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        """Run it once; when its time is over, kill it with all that it started."""
        with tempfile.TemporaryFile() as given:
            given.write(payload.encode())
            given.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603 (the settings' owner wrote the list)
                    self.words,
                    stdin=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=self._environment(json.loads(payload)),
                    start_new_session=True,
                )
            except OSError as error:
                return DeliveryResult(False, f"cannot be started: {error.strerror}")
            return self._wait(process)

    def check(self) -> None:
        """Raise `NotDelivered` when the program is not there."""
        if shutil.which(self.words[0]) is None:
            raise NotDelivered(f"notify.command: there is no program {self.words[0]}")

    def _wait(self, process: "subprocess.Popen[bytes]") -> DeliveryResult:
        assert process.stderr is not None  # noqa: S101 (a pipe was asked for)
        text = bytearray()
        reader = threading.Thread(target=_drain, args=(process.stderr, text), daemon=True)
        reader.start()
        try:
            code: int | None = process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = None
        reader.join(1.0)  # a grandchild may hold the pipe for as long as it likes
        return _answer(code, bytes(text), self._timeout)

    def _environment(self, payload: dict[str, object]) -> dict[str, str]:
        own = {
            name: value
            for name, value in os.environ.items()
            if name == KEPT or not name.startswith(HIDDEN)
        }
        shown = {
            f"DDAEMON_{name.upper()}": printable("" if value is None else str(value))
            for name, value in ((name, payload[name]) for name in SHOWN)
        }
        return {**own, **shown, "DDAEMON_RECORD": self._record(payload)}

    def _record(self, payload: dict[str, object]) -> str:
        folder = str(payload["folder"])
        if payload["event"] == "quarantine":
            return str(self._quarantine / folder / REASON_FILE)
        return str(self._outbox / folder / VERDICT_FILE) if payload["event"] == "verdict" else ""


def _drain(stream: IO[bytes], kept: bytearray) -> None:
    """Read everything, so that the command never blocks, and keep the beginning."""
    with stream:
        while chunk := stream.read1(4096):  # type: ignore[attr-defined]
            kept += chunk[: MAX_STDERR_BYTES - len(kept)]


def _answer(code: int | None, stderr: bytes, timeout: float) -> DeliveryResult:
    text = printable(stderr.decode("utf-8", "replace").strip())
    what = f"ended after notify.timeout ({timeout:g} s)" if code is None else f"exit {code}"
    return DeliveryResult(code == 0, f"{what}: {text}" if text else what)
