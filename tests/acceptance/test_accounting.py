"""The accounts of `make chaos` show what is wrong: each fault is made by hand once."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy
from pathlib import Path

import pytest

from ddaemon.tests.chaos.scene import Scene


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with closing(Scene(tmp_path_factory.mktemp("settled") / "scene")) as scene:
        scene.drop(2)
        scene.drain()
        assert scene.accounts().are_right
        yield scene


@pytest.fixture
def scene(settled: Scene, tmp_path: Path) -> Scene:
    """A copy, to do harm to."""
    home = Path(shutil.copytree(settled.home, tmp_path / "home"))
    found = copy(settled)
    found.home, found.outbox, found.quarantine = home, home / "outbox", home / "quarantine"
    assert found.accounts().are_right
    return found


def _folder(scene: Scene) -> Path:
    return min(scene.outbox.iterdir())


def _publish_twice(scene: Scene) -> None:
    shutil.copytree(_folder(scene), scene.outbox / "again")


def _lose(scene: Scene) -> None:
    shutil.rmtree(_folder(scene))


def _query(scene: Scene, statement: str) -> None:
    with closing(sqlite3.connect(scene.home / "state.db")) as connection, connection:
        connection.execute(statement)


def _alter_picture(scene: Scene) -> None:
    (_folder(scene) / "report.html").write_text("another")


def _alter_log(scene: Scene) -> None:
    _query(scene, "UPDATE audit SET detail = '{}' WHERE seq = 3")


def _reopen(scene: Scene) -> None:
    _query(scene, "UPDATE jobs SET state = 'pending' WHERE rowid = 1")


def _leave(scene: Scene) -> None:
    (scene.home / "work" / "half").mkdir()


def _judge_another(scene: Scene) -> None:
    path = _folder(scene) / "verdict.json"
    record = json.loads(path.read_bytes())
    record["input"]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("deed", "lost", "doubled", "words"),
    [
        (_publish_twice, 0, 1, ""),
        (_lose, 1, 0, "not in the outbox"),
        (_alter_picture, 0, 0, "is not the file that its verdict lists"),
        (_alter_log, 0, 0, "broken at entry 3"),
        (_reopen, 0, 0, "is still pending"),
        (_leave, 0, 0, "was left over"),
        (_judge_another, 1, 0, "never dropped"),
    ],
)
def test_each_fault_is_found(
    scene: Scene, deed: Callable[[Scene], None], lost: int, doubled: int, words: str
) -> None:
    deed(scene)
    accounts = scene.accounts()
    assert (accounts.lost, accounts.doubled) == (lost, doubled)
    assert not accounts.are_right
    assert words in "; ".join(accounts.faults)
