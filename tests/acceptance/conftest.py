"""The fixtures of the real service."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddaemon.tests.service import SETTINGS, Ddaemon
from ddaemon.tests.third_party import install_third_party


@pytest.fixture
def ddaemon(tmp_path: Path) -> Iterator[Ddaemon]:
    daemon = Ddaemon(tmp_path / "home")
    daemon.call_here("init")
    daemon.configure(SETTINGS)
    yield daemon
    if daemon.service is not None:
        daemon.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which the third party's package is installed."""
    return install_third_party(tmp_path_factory.mktemp("site"))
