"""One home, one service."""

import subprocess
import sys
from pathlib import Path

import pytest

from ddaemon.daemon.home.home import Home
from ddaemon.storage.errors import HomeError

HOLD = """
import sys, time
from pathlib import Path
from ddaemon.daemon.home.home import Home
with Home(Path(sys.argv[1])).hold():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_service_is_refused_and_a_dead_one_is_not_in_the_way(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert not home.is_held()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert home.is_held()
        with pytest.raises(HomeError, match="another service runs"), home.hold():
            pass
        holder.kill()
    assert not home.is_held()
    with home.hold():
        assert home.is_held()


def test_the_folders_are_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    home.make()
    assert all(folder.stat().st_mode & 0o007 == 0 for folder in (home.path, *home.folders))


def test_a_home_that_was_never_made_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="ddaemon init --home"):
        Home(tmp_path).require()
