"""Databases of both engines; what runs beside what, and what first."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from ddaemon.storage.place import Place
from ddaemon.tests.postgres import Cluster, running_cluster

# Tests of a group run one after the other in one process: they share what takes long to make.
TRAINED = "trained"  # the fixtures `celebs` and `trained` of test_train.py
TRAINING = "training"  # processes that are forked from one with TensorFlow
KERAS = "keras"  # TensorFlow, imported into the test's own process
POSTGRES = "postgres"  # a server
GROUPS = {
    "acceptance/test_train.py": TRAINED,
    "unit/training/fitting/test_broken_fits.py": TRAINING,
    "unit/training/fitting": KERAS,
    "unit/training/features": KERAS,
    "unit/training/publishing": KERAS,
    "unit/stages/networks": KERAS,
    "unit/storage": POSTGRES,
    "integration/test_publisher.py": POSTGRES,
}
# Those of test_train.py that do without its fixtures.
OWN_DATA = (
    "test_all_faults", "test_efficientnetv2b0_learns", "test_other_layouts", "test_reals_alone",
    "test_the_backbone", "test_the_seed_protocol",
)  # fmt: skip
# Their tests mostly wait and share next to nothing: each may run in whichever process is idle.
SPREAD = (
    "test_backup.py", "test_chaos.py", "test_commands.py", "test_modes.py", "test_notify.py",
    "test_poison.py", "test_rerun.py", "test_service.py", "test_shared_network.py",
    "test_tampered_detector.py", "test_two_services.py",
)  # fmt: skip
# Whatever takes longest begins first, so that no process is left alone with it at the end.
LONGEST_FIRST = (TRAINED, TRAINING, KERAS)
ORDER = ("acceptance", "integration", "unit", "house")


class Groups(LoadScopeScheduling):
    """Hands out tests by group. xdist's own `--dist loadgroup` forgets the groups under pytest 9.2,
    which keeps a test's id where xdist does not look for it."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    config.option.loadscopereorder = False  # the order below
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_rank)


def _group(nodeid: str) -> str:
    file, _, name = nodeid.removeprefix("tests/").partition("::")
    if file == "acceptance/test_train.py" and name.startswith(OWN_DATA):
        return TRAINING
    if file.startswith("acceptance/") and file.endswith(SPREAD):
        return nodeid
    return next((group for place, group in GROUPS.items() if file.startswith(place)), file)


def _rank(item: pytest.Item) -> tuple[int, int, bool]:
    group = _group(item.nodeid)
    first = LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)
    folder = item.nodeid.removeprefix("tests/").partition("/")[0]
    return first, ORDER.index(folder), item.path.name != "test_chaos.py"


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
