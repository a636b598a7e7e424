"""The one invariant, checked from outside: every content that was dropped ends exactly once.

None of ddaemon's own code is used to look: files are read as files, the database by plain SQL.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

OPEN = ("pending", "running", "publishing")
FIRST_HASH = "0" * 64  # what stands before the audit log's first entry


@dataclass(slots=True)
class Accounts:
    """What was found. `faults` are sentences; there are none when all is well."""

    jobs: int = 0
    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def are_right(self) -> bool:
        return not (self.lost or self.doubled or self.faults)

    def __add__(self, other: "Accounts") -> "Accounts":
        return Accounts(
            self.jobs + other.jobs,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.faults + other.faults,
        )


def balance(
    home: Path,
    dropped: Iterable[str],
    outbox: Path | None = None,
    *,
    is_settled: bool = True,
    again: Mapping[str, int] = MappingProxyType({}),
    forgotten: Collection[str] = (),
) -> Accounts:
    """Compare what was dropped with what came out.

    Args:
        home: where the service's files lie.
        dropped: the SHA-256 of every content that was put into the inbox and stayed there.
        outbox: where verdicts appear, if not in the home.
        is_settled: whether everything should have ended by now.
        again: how many more verdicts a person asked for, by content.
        forgotten: contents whose jobs were purged; their ends stay where they are.
    """
    contents = set(dropped)
    outbox = outbox or home / "outbox"
    ends = _ends(outbox, "verdict.json") + _ends(home / "quarantine", "reason.json")
    accounts = Accounts(jobs=len(contents))
    accounts.lost = sum(ends[sha256] < 1 + again.get(sha256, 0) for sha256 in contents)
    accounts.doubled = sum(number > 1 + again.get(sha256, 0) for sha256, number in ends.items())
    accounts.faults += [
        f"an end of a content that was never dropped: {s}" for s in ends.keys() - contents
    ]
    accounts.faults += _files_that_differ(outbox)
    if (home / "state.db").is_file():
        accounts.faults += _faults_of_database(
            home / "state.db", contents - set(forgotten), outbox, again
        )
    if is_settled:
        accounts.faults += _left_over(home, outbox)
    return accounts


def _ends(place: Path, record: str) -> Counter[str]:
    """How often each content has a folder in this folder."""
    found: Counter[str] = Counter()
    for folder in place.iterdir():
        if not folder.name.startswith("."):
            said = json.loads((folder / record).read_bytes())  # a visible folder is whole
            found[said["input"]["sha256"] if "input" in said else said["sha256"]] += 1
    return found


def _files_that_differ(outbox: Path) -> list[str]:
    faults = []
    for record in outbox.glob("[!.]*/verdict.json"):
        for name, sha256 in json.loads(record.read_bytes())["files"].items():
            path = record.parent / name
            if not path.is_file() or _sha256(path) != sha256:
                faults.append(f"{path} is not the file that its verdict lists")
    return faults


def _faults_of_database(
    path: Path, contents: set[str], outbox: Path, again: Mapping[str, int]
) -> list[str]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        jobs = connection.execute("SELECT id, sha256, state, attempts, folder FROM jobs").fetchall()
        events = Counter(connection.execute("SELECT job, kind FROM events"))
        log = connection.execute(
            "SELECT seq, at, kind, job, sha256, detail, previous, hash FROM audit ORDER BY seq"
        ).fetchall()
    faults = [f"{sha256} has no job" for sha256 in contents - {job[1] for job in jobs}]
    for job, sha256, state, attempts, folder in jobs:
        published = events[job, "published"]
        if published != (state == "done") + again.get(sha256, 0):
            faults.append(f"job {job} is {state} and was published {published} times")
        if state == "done" and not (outbox / folder / "verdict.json").is_file():
            faults.append(f"job {job} is done, and its folder {folder} is not in the outbox")
        if attempts > events[job, "claimed"]:
            faults.append(f"job {job} counts {attempts} attempts of {events[job, 'claimed']}")
        if state in OPEN:
            faults.append(f"job {job} is still {state}")
    return faults + _faults_of_log(log)


def _faults_of_log(log: Sequence[tuple[Any, ...]]) -> list[str]:
    """The hash chain, computed anew from its definition in docs/custody.md."""
    faults, before = [], FIRST_HASH
    for place, (*parts, previous, found) in enumerate(log, start=1):
        text = json.dumps([*parts, previous], separators=(",", ":"), ensure_ascii=True)
        right = hashlib.sha256(text.encode("ascii")).hexdigest()
        if (parts[0], previous, found) != (place, before, right):
            faults.append(f"the audit log is broken at entry {place}")
        before = found
    return faults


def _left_over(home: Path, outbox: Path) -> list[str]:
    """Nothing half made is left anywhere."""
    halves = [*(home / "work").iterdir(), *outbox.glob(".*"), *(home / "quarantine").glob(".*")]
    return [f"{path} was left over" for path in halves]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
