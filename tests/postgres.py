"""A real PostgreSQL server for the tests: private, on a socket only, gone with who started it."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from ddaemon.storage.database import Database
from ddaemon.storage.place import Server

NEEDED = "DDAEMON_TESTS_NEED_POSTGRESQL"  # set where its absence is a failure
START_S = 60.0
PR_SET_PDEATHSIG = 1
USER = "ddaemon"


class Cluster:
    """A running server. Every database it gives is new, with today's tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._has_template = False

    def url(self, name: str) -> str:
        """As `database.url` has it."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def server(self, name: str) -> Server:
        return Server(self.url(name).replace("+psycopg", ""))

    def empty(self) -> str:
        """The name of a new database without tables."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def new(self) -> str:
        """The name of a new database with today's tables."""
        if not self._has_template:
            self.execute("CREATE DATABASE ready")
            Database.create(self.server("ready")).close()
            self._has_template = True
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE ready")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str, name: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.server(name).url, autocommit=True) as connection:
            connection.execute(statement.encode())


def find_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: in PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "postgres").is_file()), None)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start one. Skips the test, or fails it, where there is none to be started."""
    binaries = find_binaries()
    if binaries is None:
        why = "no PostgreSQL server is installed (Debian: apt-get install postgresql)"
        pytest.fail(why) if os.environ.get(NEEDED) else pytest.skip(why)
    # Not pytest's folder: another user must get there, and a socket's path may not be long.
    folder = Path(tempfile.mkdtemp(prefix="ddaemon-pg-", dir="/tmp"))
    who = _unprivileged(folder)
    try:
        subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "--auth=trust", f"--username={USER}",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=folder, **who,
        )  # fmt: skip
        with _server(binaries, folder, who):
            yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(binaries: Path, folder: Path, who: dict[str, str]) -> Iterator[None]:
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [binaries / "postgres", "-D", folder / "data", *words],
        stdout=log, stderr=log, cwd=folder, preexec_fn=_end_with_parent, **who,  # noqa: PLW1509
    ) as process:  # fmt: skip
        try:
            _wait(Cluster(folder), process)
            yield
        finally:
            process.send_signal(signal.SIGINT)  # at once, and in order
            process.wait(START_S)


def _wait(cluster: Cluster, process: "subprocess.Popen[bytes]") -> None:
    import psycopg

    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            cluster.execute("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((cluster.folder / "log").read_text())


def _unprivileged(folder: Path) -> dict[str, str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, name)
    return {"user": name, "group": pwd.getpwnam(name).pw_gid}  # type: ignore[dict-item]


def _end_with_parent() -> None:
    """Tests that are killed leave no server behind. After the change of user, which undoes it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
