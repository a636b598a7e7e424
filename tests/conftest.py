"""Databases of both engines; what runs beside what, and what first."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from ddaemon.storage.place import Place
from ddaemon.tests.postgres import Cluster, running_cluster

# Tests that share what takes long to make or to import run one after the other in one process.
# Every other file is a group of its own.
GROUPS = {
    "tests/unit/training/fitting/": "keras",
    "tests/unit/training/features/": "keras",
    "tests/unit/training/publishing/": "keras",
    "tests/unit/stages/networks/": "keras",
    "tests/unit/storage/": "postgres",
    "tests/integration/test_publisher.py": "postgres",
    "tests/integration/test_notifier.py": "postgres",
    "tests/unit/training/fitting/test_broken_fits.py": "tests/acceptance/test_train_broken.py",
}
# Their tests mostly wait and share next to nothing: each may run in whichever process is idle.
SPREAD = (
    "test_backup.py", "test_chaos.py", "test_commands.py", "test_modes.py",
    "test_notify.py", "test_poison.py", "test_rerun.py", "test_service.py",
    "test_shared_network.py", "test_tampered_detector.py", "test_two_services.py",
)  # fmt: skip
# What takes longest begins first, so that no process is left alone with it at the end.
ORDER = ("acceptance/test_train", "unit/training/fitting", "unit/training", "unit/stages/networks",
         "acceptance/test_chaos", "acceptance", "integration", "unit", "house")  # fmt: skip


class Groups(LoadScopeScheduling):
    """Hands whole groups to xdist's processes. The mark `xdist_group` is not what says which: with
    pytest 9.2, xdist 3.8 ignores it (findings/xdist-groups-ignored.sh)."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.rpartition("/")[2] in SPREAD:
            return nodeid
        named = [place for place in GROUPS if file.startswith(place)]
        return GROUPS[max(named, key=len)] if named else file


@pytest.hookimpl(optionalhook=True)  # where xdist is switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    return Groups(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        return next(place for place, part in enumerate(ORDER) if path.startswith(part))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras, imported when the first test needs it: at the top of a file it would be imported by
    every process that collects tests, whichever it runs."""
    import keras

    return keras


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A server for all tests of one process."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where a test's database is: a file that is still to be made, or a database with tables."""
    if request.param == "sqlite":
        yield tmp_path / "state.db"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = cluster.new()
    yield cluster.server(name)
    cluster.drop(name)
