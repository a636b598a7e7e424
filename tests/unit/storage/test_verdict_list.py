"""Verdicts as rows: written with the publication, read over a period."""

import math
import sqlite3
from pathlib import Path

import pytest

from ddaemon.storage.database import Database
from ddaemon.storage.place import Place
from ddaemon.storage.queue import Outcome, Queue
from ddaemon.storage.times import parse_moment
from ddaemon.storage.verdict_list import VerdictList, VerdictView
from ddaemon.storage.verdicts import DetectorRef
from ddaemon.tests.unit.storage.test_queue import FAKE, Clock, arrival
from ddaemon.tests.unit.storage.test_upgrade import SCHEMA_1

JUDGE = DetectorRef("lite0", "1.0", "d" * 64)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(place: Place, clock: Clock) -> Queue:
    return Queue(Database.create(place), max_attempts=1, clock=clock)


def judged(queue: Queue, path: Path, content: str, outcome: Outcome = FAKE) -> str:
    job, _ = queue.enqueue(arrival(path, content))
    claim = queue.claim(60)
    assert claim is not None
    queue.begin_publishing(claim, outcome, f"f-{job}")
    queue.finish(job, "f" * 64, JUDGE)
    return job


def rows(place: Place, since: float = 0.0, until: float = math.inf) -> list[VerdictView]:
    return list(VerdictList(place).between(since, until))


def test_a_published_verdict_is_a_row_with_the_detector_that_judged(
    queue: Queue, place: Place, tmp_path: Path
) -> None:
    job = judged(queue, tmp_path / "a", "a")
    (row,) = rows(place)
    assert (row.job, row.number, row.current, row.folder) == (job, 1, 1, f"f-{job}")
    assert (row.decision, row.probability, row.error) == ("fake", 0.9, None)
    assert DetectorRef(row.detector, row.detector_version, row.detector_sha256) == JUDGE  # type: ignore[arg-type]


def test_a_period_holds_its_beginning_and_not_its_end(
    queue: Queue, clock: Clock, place: Place, tmp_path: Path
) -> None:
    judged(queue, tmp_path / "a", "a")
    first = clock.now
    clock.now += 10
    second = judged(queue, tmp_path / "b", "b")
    assert [row.finished_at for row in rows(place, first, clock.now)] == [first]
    assert [row.job for row in rows(place, first + 1)] == [second]


def test_a_quarantined_job_has_an_error_and_no_decision_and_a_waiting_one_no_row(
    queue: Queue, place: Place, tmp_path: Path
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    queue.fail(claim, "the decoder died")
    queue.enqueue(arrival(tmp_path / "b", "b"))
    (row,) = rows(place)
    assert (row.job, row.state, row.error) == (job, "quarantined", "the decoder died")
    assert (row.decision, row.number) == (None, None)


def test_what_a_purge_forgets_is_no_row_any_more(
    queue: Queue, place: Place, tmp_path: Path
) -> None:
    judged(queue, tmp_path / "a", "a")
    queue.purge(older_than_s=-1)
    assert rows(place) == []


def test_an_old_file_has_its_verdicts_before_and_after_the_upgrade(tmp_path: Path) -> None:
    place = tmp_path / "state.db"
    connection = sqlite3.connect(place)
    connection.executescript(SCHEMA_1)
    connection.close()
    before = rows(place)
    Database.open(place).close()
    assert rows(place) == before
    assert [(row.job, row.number, row.detector) for row in before] == [("done1234", 1, None)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400.0),
        ("1970-01-01T01:00:00Z", 3_600.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("24h", 1_000_000.0 - 86_400.0),
        ("7d", 1_000_000.0 - 604_800.0),
        ("999999999w", 0.0),
    ],
)
def test_a_moment_is_a_date_or_how_long_ago(text: str, seconds: float) -> None:
    assert parse_moment(text, 1_000_000.0) == seconds


@pytest.mark.parametrize("text", ["soon", "", "7", "d", "-7d", "2026-13-01"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text, 0.0)
