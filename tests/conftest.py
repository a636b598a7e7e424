"""Databases of both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ddaemon.storage.place import Place
from ddaemon.tests.postgres import Cluster, running_cluster


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
