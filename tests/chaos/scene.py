"""A home, its service with or without a fault in it, and clips that are dropped into its inbox."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ddaemon.tests.chaos.accounting import Accounts, balance
from ddaemon.tests.chaos.faulty import FOLDER, HOME
from ddaemon.tests.clips import blank_clip, face_clip, unlike
from ddaemon.tests.service import Ddaemon

FAULTY = "ddaemon.tests.chaos.faulty"
# Everything is short and cheap, so that a fault and the recovery from it take seconds.
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
[faces]
detect_size = 256
[gradcam]
check = false
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
        self._again: Counter[str] = Counter()
        self._forgotten: set[str] = set()
        self._plans = 0
        self._faults.mkdir()
        (self._faults / "plan.json").touch()
        self._clips.mkdir()
        self.blank, self.face = self._clips / "blank.mp4", self._clips / "face.mp4"
        for clip in (self.blank, self.face):
            clip.write_bytes(_clips()[clip.stem])
        self.call_here("init")
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
        """The accounts must show an end for what this file holds now."""
        self._dropped[sha256_of(clip)] = clip

    def forget(self, sha256: str) -> None:
        """It was taken out of the inbox again, before it was accepted."""
        del self._dropped[sha256]

    def rerun(self, job: str) -> None:
        """Ask for one more verdict of this job."""
        self.call_here("jobs", "rerun", job)
        self._again[self.jobs()[job][0]] += 1

    def purged(self, *jobs: str) -> None:
        """The database knows nothing of these jobs any more."""
        self._forgotten.update(self.jobs()[job][0] for job in jobs)

    def jobs(self) -> dict[str, tuple[str, str, str]]:
        """The content's SHA-256, the state and the video's place of every job."""
        with closing(sqlite3.connect(self.home / "state.db")) as connection:
            rows = connection.execute("SELECT id, sha256, state, source FROM jobs").fetchall()
        return {job: (sha256, state, os.fsdecode(place)) for job, sha256, state, place in rows}

    # -- the service -------------------------------------------------------------------------

    def start_with(
        self, *words: str, role: str, label: str | None, thread: str | None = None,
        deed: str = "kill", time: int = 1, environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """Start the service with a fault planned (see `faulty.py`). With "no point" as the label
        the points are only listed."""
        self.plan(role=role, label=label, thread=thread, deed=deed, time=time)
        self.module = FAULTY
        self.start(*words, **self._where(), **environment)
        self.module = "ddaemon.cli"

    def call_with(self, *words: str, label: str, time: int = 1) -> int:
        """Run a command that is killed at this point; how it ended."""
        self.plan(role="service", label=label, thread=None, deed="kill", time=time)
        done = subprocess.run(
            [sys.executable, "-m", FAULTY, "--home", str(self.home), *words],
            capture_output=True, env={**os.environ, **self._where()}, check=False,
        )  # fmt: skip
        return done.returncode

    def _where(self) -> dict[str, str]:
        return {FOLDER: str(self._faults), HOME: str(self.home)}

    def plan(
        self, *, role: str, label: str | None, thread: str | None, deed: str, time: int = 1,
        victim: str | None = None,
    ) -> None:  # fmt: skip
        """Plan a fault, also while a service runs that was started with one. It comes the `time`th
        time that the point does."""
        self._plans += 1
        plan = {
            "id": f"{os.getpid()}-{self._plans}", "role": role, "label": label, "thread": thread,
            "deed": deed, "time": time, "victim": victim,
        }  # fmt: skip
        with (self._faults / "plan.json").open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            os.ftruncate(stream.fileno(), 0)
            os.pwrite(stream.fileno(), json.dumps(plan).encode(), 0)

    @property
    def is_struck(self) -> bool:
        """Whether the planned fault has happened."""
        return not (self._faults / "plan.json").read_bytes()

    def wait_struck(self) -> None:
        """Until the planned fault has happened."""
        self.until(lambda: self.is_struck, "the planned fault")

    def go_on(self) -> None:
        """End a deed "wait"."""
        (self._faults / "go").write_text(f"{os.getpid()}-{self._plans}\n")

    def set_clock(self, off_s: float) -> None:
        """Let the wall clock of what was started with a fault be wrong by so many seconds."""
        with (self._faults / "clock").open("r+b") as stream:
            os.pwrite(stream.fileno(), f"{off_s:20}".encode(), 0)

    def worker_at_work(self) -> int:
        """The process that says how far it is."""
        (told,) = (self.home / "work").glob("*.progress")
        return int(json.loads(told.read_bytes())["pid"])

    def points(self) -> list[tuple[str, str, str]]:
        """Role, thread and label of every point that was passed so far, each once, in order."""
        return list(self.passed())

    def passed(self) -> Counter[tuple[str, str, str]]:
        """How often each of them was passed, in the order in which they came first."""
        lines = (self._faults / "points").read_text().splitlines()
        return Counter(tuple(line.split("\t")) for line in lines)  # type: ignore[misc]

    def forget_points(self) -> None:
        """List the points anew."""
        (self._faults / "points").unlink(missing_ok=True)

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
            for place in (self.outbox, self.quarantine)
            for folder in place.iterdir()
        )

    def worker_pids(self) -> list[int]:
        """The processes that the service has started, and that live."""
        assert self.service is not None
        return children_of(self.service.pid)

    def accounts(self) -> Accounts:
        """The invariant, when all should have ended."""
        return balance(
            self.home, self._dropped, again=self._again, forgotten=frozenset(self._forgotten)
        )

    def close(self) -> None:
        """Leave no process behind."""
        if self.service is not None and self.service.poll() is None:
            self.service.send_signal(signal.SIGCONT)
            self.stop(signal.SIGKILL)


@cache
def _clips() -> dict[str, bytes]:
    """Made once a process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = blank_clip(folder / "blank.mp4", 4), face_clip(folder / "face.mp4", count=16)
        return {clip.stem: clip.read_bytes() for clip in made}


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    text: Sequence[Any] = listed.read_text().split() if listed.exists() else ()
    return [int(child) for child in text]


def sha256_of(path: Path) -> str:
    """In hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_root() -> bool:
    """Whether file systems can be mounted here, as far as the user matters."""
    return os.geteuid() == 0
