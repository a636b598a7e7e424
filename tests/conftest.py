"""Databases of both engines; what runs beside what, and what first."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ddaemon.storage.place import Place
from ddaemon.tests.postgres import Cluster, running_cluster

HERE = Path(__file__).parent
# Tests of a group run one after the other in one process: they share what takes long to make.
TRAINED = "trained"  # the fixtures `celebs` and `trained` of test_train.py
TRAINING = "training"  # processes that are forked from one with TensorFlow
KERAS = "keras"  # TensorFlow, imported into the test's own process
POSTGRES = "postgres"  # a server
KERAS_FOLDERS = ("unit/training/fitting", "unit/training/features", "unit/stages/networks")
# Their tests mostly wait and share next to nothing: each may run in whichever process is idle.
SPREAD = (
    "test_accounting.py", "test_backup.py", "test_chaos.py", "test_commands.py", "test_modes.py",
    "test_notify.py", "test_poison.py", "test_rerun.py", "test_service.py",
    "test_shared_network.py", "test_tampered_detector.py", "test_two_services.py",
)  # fmt: skip
# Whatever takes longest begins first, so that no process is left alone with it at the end.
LONGEST_FIRST = (TRAINED, TRAINING, KERAS)
ORDER = ("acceptance", "integration", "unit", "house")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_rank)


def _group(item: pytest.Item) -> str:
    file = item.path.relative_to(HERE).as_posix()
    fixtures = set(getattr(item, "fixturenames", ()))
    if file == "acceptance/test_train.py":
        return TRAINED if fixtures & {"trained", "celebs"} else TRAINING
    if file.startswith("acceptance") and item.path.name in SPREAD:
        return item.nodeid
    if file.endswith("test_broken_fits.py"):
        return TRAINING
    if file.startswith(KERAS_FOLDERS):
        return KERAS
    if fixtures & {"place", "postgres"}:
        return POSTGRES
    return file


def _rank(item: pytest.Item) -> tuple[int, int, bool]:
    group = _group(item)
    first = LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)
    folder = ORDER.index(item.path.relative_to(HERE).parts[0])
    return first, folder, item.path.name != "test_chaos.py"


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
