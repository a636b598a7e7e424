"""A database that another process holds, that is taken away, and that is none."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ddaemon.tests.chaos.disks import wait_told
from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

JOBS = 3
SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _whole: b"",
    "garbage": lambda whole: b"no base" * (len(whole) // 7),
    "truncated": lambda whole: whole[: len(whole) // 2],
}


@scenario(
    "database-locked", "the database locked by another process, longer than the service waits"
)
def database_locked(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        scene.start()
        scene.drop(JOBS)
        scene.wait_log("is new job", JOBS)
        with _locked(scene.home / "state.db"):
            scene.drop(JOBS)
            wait_told(scene, "can't be used at present: database is locked")
        recovery = scene.wait_settled()
        assert scene.stop() == 0, scene.log.read_text()
        return Result(1, scene.accounts(), recovery)


@scenario(
    "database-gone",
    "the database removed from under the service; missing, or not a database of ours",
)
def database_gone(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        database = scene.home / "state.db"
        scene.start()
        scene.drop(JOBS)
        scene.wait_log("is new job", JOBS)
        aside = database.rename(scene.folder / "aside.db")
        _require_one_line(scene, scene.wait())
        _require_refused(scene, "is missing")
        aside.rename(database)
        recovery = scene.drain()
        whole = database.read_bytes()
        for spoil in SPOILED.values():
            database.write_bytes(spoil(whole))
            _require_refused(scene, "is not a usable database")
        database.write_bytes(whole)
        scene.drop(JOBS)
        recovery = max(recovery, scene.drain())
        return Result(2 + len(SPOILED), scene.accounts(), recovery)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _require_one_line(scene: Scene, code: int) -> None:
    """It has ended by itself, and said why."""
    said = scene.log.read_text()
    assert code == 1, f"the service ended with {code}:\n{said}"
    assert "removed or replaced" in said.splitlines()[-1], said
    assert "Traceback" not in said, said


def _require_refused(scene: Scene, why: str) -> None:
    """No service starts, and nothing is changed."""
    before = _files(scene.home)
    said = scene.call("run", "--drain", code=1)
    assert why in said, said
    assert _files(scene.home) == before, f"files were changed by a refused start: {said}"


def _files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
