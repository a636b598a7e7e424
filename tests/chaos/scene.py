"""A home, its service with or without a fault in it, and clips that are dropped into its inbox."""

import json
import os
import re
import shutil
import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ddaemon.tests.chaos.books import Books, balance
from ddaemon.tests.chaos.faulty import FOLDER, HOME
from ddaemon.tests.clips import blank_clip, face_clip, unlike
from ddaemon.tests.service import Ddaemon

# Everything is short, so that a fault and the recovery from it take seconds.
SETTINGS = """
[inbox]
settle = 0.1
patience = 1
rescan = 1
[queue]
backoff = 0.1
max_attempts = 5
[frames]
count = 8
[disk]
min_free_mb = 0
"""


class Scene(Ddaemon):
    """One home below `folder`, which is made."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        folder.mkdir(parents=True)
        super().__init__(folder / "home")
        self.folder = folder
        self._faults = folder / "faults"
        self._clips = folder / "clips"
        self._dropped: dict[str, Path] = {}  # by the SHA-256 of the content
        self._salt = 0
        self._faults.mkdir()
        self._clips.mkdir()
        self.blank = blank_clip(self._clips / "blank.mp4", 4)
        self.face = face_clip(self._clips / "face.mp4", count=16)
        self.call("init")
        self.configure(SETTINGS + settings)

    # -- clips -------------------------------------------------------------------------------

    def make(self, source: Path | None = None) -> Path:
        """A clip with a content of its own, beside the inbox."""
        self._salt += 1
        source = source or self.blank
        return unlike(source, self._clips / f"{source.stem}-{self._salt}.mp4", self._salt)

    def drop(self, number: int = 1, source: Path | None = None) -> list[Path]:
        """Move so many new clips into the inbox; their places there."""
        return [self.put(self.make(source)) for _ in range(number)]

    def put(self, clip: Path, name: str | None = None) -> Path:
        """Move this file into the inbox, and count on its outcome."""
        place = self.inbox / (name or clip.name)
        self.count_on(clip)
        shutil.move(clip, place)
        return place

    def count_on(self, clip: Path) -> None:
        """The books must show an end for what this file holds now."""
        self._dropped[sha256_of(clip)] = clip

    def forget(self, sha256: str) -> None:
        """It was taken out of the inbox again, before it was accepted."""
        del self._dropped[sha256]

    # -- the service -------------------------------------------------------------------------

    def start_with(
        self, *words: str, role: str, label: str | None, thread: str | None = None,
        deed: str = "kill",
    ) -> None:  # fmt: skip
        """Start the service with a fault planned (see `faulty.py`). With "no point" as the label
        the points are only listed."""
        self.plan(role=role, label=label, thread=thread, deed=deed)
        self.module = "ddaemon.tests.chaos.faulty"
        self.start(*words, **{FOLDER: str(self._faults), HOME: str(self.home)})
        self.module = "ddaemon.cli"

    def plan(self, *, role: str, label: str | None, thread: str | None, deed: str) -> None:
        """Plan a fault, also while a service runs that was started with one."""
        beside = self._faults / "plan.new"
        beside.write_text(
            json.dumps({"role": role, "label": label, "thread": thread, "deed": deed})
        )
        beside.replace(self._faults / "plan.json")

    @property
    def is_struck(self) -> bool:
        """Whether the planned fault has happened."""
        return not (self._faults / "plan.json").exists()

    def wait_struck(self) -> None:
        """Until the planned fault has happened."""
        self.until(lambda: self.is_struck, "the planned fault")

    def go_on(self) -> None:
        """End a deed "wait"."""
        (self._faults / "go").touch()

    def points(self) -> list[tuple[str, str, str]]:
        """Role, thread and label of every point that was passed so far, each once, in order."""
        lines = (self._faults / "points").read_text().splitlines()
        return [tuple(line.split("\t")) for line in dict.fromkeys(lines)]  # type: ignore[misc]

    def wait_log(self, pattern: str, number: int = 1) -> None:
        """Until so many lines of the service's log match this regular expression."""
        self.until(lambda: self.count_log(pattern) >= number, f"{number} of {pattern!r} in the log")

    def count_log(self, pattern: str) -> int:
        """How many lines of the service's log match this regular expression."""
        return len(re.findall(pattern, self.log.read_text(errors="replace")))

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows of the home's database."""
        database = (self.home / "state.db").absolute().as_uri()
        with closing(sqlite3.connect(f"{database}?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()

    def drain(self) -> float:
        """Run an unharmed service until nothing is left to do; the seconds it took."""
        began = time.monotonic()
        self.start("--drain")
        code = self.wait()
        assert code == 0, f"the service ended with {code}:\n{self.log.read_text()}"
        return time.monotonic() - began

    def wait_settled(self, seconds: float = 300.0) -> float:
        """Wait until every content has an end, with the service running; the seconds it took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._number_ended() >= len(self._dropped):
                return time.monotonic() - began
            assert self.service is None or self.service.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"not all jobs ended:\n{self.log.read_text()}")

    def _number_ended(self) -> int:
        return sum(
            not folder.name.startswith(".")
            for shelf in (self.outbox, self.quarantine)
            for folder in shelf.iterdir()
        )

    def worker_pids(self) -> list[int]:
        """The processes that the service has started, and that live."""
        assert self.service is not None
        return children_of(self.service.pid)

    def books(self) -> Books:
        """The invariant, when all should have ended."""
        return balance(self.home, self._dropped)

    def close(self) -> None:
        """Leave no process behind."""
        if self.service is not None and self.service.poll() is None:
            self.service.send_signal(signal.SIGCONT)
            self.stop(signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    text: Sequence[Any] = listed.read_text().split() if listed.exists() else ()
    return [int(child) for child in text]


def sha256_of(path: Path) -> str:
    """In hex."""
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_root() -> bool:
    """Whether file systems can be mounted here, as far as the user matters."""
    return os.geteuid() == 0
