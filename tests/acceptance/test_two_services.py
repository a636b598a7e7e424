"""Two real services, each with its own home, on one PostgreSQL database."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ddaemon.tests.acceptance.conftest import SETTINGS, Ddaemon
from ddaemon.tests.acceptance.test_service import SHIPPED, unlike
from ddaemon.tests.postgres import Cluster
from ddaemon.tests.third_party import start_a_job

LEASE_S = 4


@pytest.fixture
def two(tmp_path: Path, postgres: Cluster) -> Iterator[tuple[Ddaemon, Ddaemon]]:
    """Two homes that share a database and an outbox."""
    url = postgres.url(postgres.empty())
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    found = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        daemon = Ddaemon(folder / "home")
        daemon.home.mkdir()
        settings = SETTINGS.replace("[queue]", f"[queue]\nlease = {LEASE_S}\nheartbeat = 0.5")
        daemon.configure(f'{settings}\n[database]\nurl = "{url}"\n[outbox]\npath = "{outbox}"\n')
        daemon.outbox = outbox
        daemon.call_here("init")
        assert not (daemon.home / "state.db").exists()
        found.append(daemon)
    yield found[0], found[1]
    for daemon in found:
        if daemon.service is not None:
            daemon.stop(signal.SIGKILL)


def settings_of(daemon: Ddaemon) -> str:
    return (daemon.home / "ddaemon.toml").read_text()


def test_each_content_is_judged_once_whichever_service_takes_it(
    two: tuple[Ddaemon, Ddaemon],
) -> None:
    one, other = two
    for number in range(3):
        unlike(SHIPPED[0], one.inbox / f"{number}.mp4", number)
        unlike(SHIPPED[1], other.inbox / f"{number + 3}.mp4", number)
    shutil.copy(one.inbox / "0.mp4", other.inbox / "the same.mp4")
    for daemon in two:
        daemon.start()
    one.until(lambda: one.status()["counts"]["done"] == 6, "six verdicts")
    assert [daemon.stop() for daemon in two] == [0, 0]
    jobs = Counter(verdict["job"] for verdict in one.verdicts())
    assert (len(jobs), max(jobs.values())) == (6, 1)
    assert "entries 1 to" in other.call_here("audit", "verify")
    judged = one.call_here("audit", "export")
    assert judged.count(" published ") == 6
    assert all(list((daemon.home / "work").iterdir()) == [] for daemon in two)


def test_a_service_that_hangs_past_its_lease_loses_its_job_and_writes_nothing_late(
    two: tuple[Ddaemon, Ddaemon], third_party: dict[str, str]
) -> None:
    hanging, other = two
    start_a_job(hanging, third_party, "nap", settings_of(hanging))
    assert hanging.service is not None
    family = [psutil.Process(hanging.service.pid)]
    family += family[0].children(recursive=True)
    for process in family:
        process.suspend()
    try:
        assert hanging.status()["counts"]["running"] == 1, "it was stopped in mid-job"
        other.start()
        other.until(lambda: other.status()["counts"]["done"] == 1, "the other's verdict")
    finally:
        for process in family:
            process.resume()
    hanging.until(lambda: "lost" in hanging.log.read_text(), "the lost lease")
    assert [daemon.stop() for daemon in two] == [0, 0]
    (verdict,) = other.verdicts()
    assert verdict["attempts"] == 2
    assert other.call_here("audit", "export").count(" published ") == 1
    assert list((hanging.home / "work").iterdir()) == []


@contextmanager
def server_away(daemon: Ddaemon, postgres: Cluster) -> Iterator[None]:
    """Nobody can reach this service's database."""
    name = settings_of(daemon).partition("@/")[2].partition("?")[0]
    postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    try:
        yield
    finally:
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_a_service_that_is_stopped_while_the_server_is_away_ends_in_order(
    two: tuple[Ddaemon, Ddaemon], postgres: Cluster, third_party: dict[str, str]
) -> None:
    daemon, _ = two
    settings = settings_of(daemon)
    start_a_job(daemon, third_party, "sleep", f"{settings}[workers]\ngrace = 3\n")
    with server_away(daemon, postgres):
        assert daemon.stop() == 0, daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()
    daemon.configure(settings)
    daemon.start()
    daemon.until(lambda: daemon.status()["counts"]["done"] == 1, "the verdict")
    assert daemon.stop() == 0
    assert [verdict["attempts"] for verdict in daemon.verdicts()] == [2]
    assert list((daemon.home / "work").iterdir()) == []


def test_a_server_that_is_back_within_the_grace_time_costs_a_stopping_service_no_attempt(
    two: tuple[Ddaemon, Ddaemon], postgres: Cluster, third_party: dict[str, str]
) -> None:
    daemon, _ = two
    start_a_job(daemon, third_party, "nap", settings_of(daemon))
    assert daemon.service is not None
    with server_away(daemon, postgres):
        daemon.service.send_signal(signal.SIGTERM)
        daemon.until(lambda: "it is tried again" in daemon.log.read_text(), "the trouble")
    assert daemon.wait() == 0
    assert [verdict["attempts"] for verdict in daemon.verdicts()] == [1]


def test_a_server_that_goes_away_and_comes_back_costs_no_job(
    two: tuple[Ddaemon, Ddaemon], postgres: Cluster
) -> None:
    daemon, _ = two
    daemon.start()
    daemon.until(lambda: daemon.status()["service"]["since"], "the service")
    with server_away(daemon, postgres):
        shutil.copy(SHIPPED[0], daemon.inbox / "clip.mp4")
        daemon.until(lambda: "it is tried again" in daemon.log.read_text(), "the trouble")
        assert "can't be reached" in daemon.call("status", code=1)
    daemon.until(lambda: daemon.status()["counts"]["done"] == 1, "the verdict")
    assert daemon.stop() == 0
    assert "entries 1 to" in daemon.call_here("audit", "verify")
