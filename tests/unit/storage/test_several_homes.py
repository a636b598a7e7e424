"""Two homes on one database: each has its own, and whatever is done by hand works from either."""

from pathlib import Path

import pytest

from ddaemon.storage.database import Database
from ddaemon.storage.errors import LeaseLost
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.notices import Notices, plan
from ddaemon.storage.place import Place
from ddaemon.storage.queue import Queue
from ddaemon.tests.unit.storage.test_queue import FAKE, Clock, arrival


class Desk:
    """Two homes, as two services would open the database."""

    def __init__(self, place: Place) -> None:
        self.clock = Clock()
        self.databases = [Database.create(place), Database.open(place)]
        self.one, self.other = (
            Queue(database, max_attempts=2, backoff_s=0, holder=name, clock=self.clock)
            for database, name in zip(self.databases, ("one", "other"), strict=True)
        )
        self.reader = JobReader(place)


@pytest.fixture
def desk(place: Place) -> Desk:
    return Desk(place)


def test_a_starting_service_takes_back_its_own_leases_only(desk: Desk, tmp_path: Path) -> None:
    for name in "ab":
        desk.one.enqueue(arrival(tmp_path / name, name))
    mine, theirs = desk.one.claim(60), desk.other.claim(60)
    assert mine is not None and theirs is not None
    assert desk.one.reclaim(everything=True) == [mine.job]
    desk.other.heartbeat(theirs, 60, None, 1.0)


def test_what_a_dead_home_held_is_taken_over_after_its_lease(desk: Desk, tmp_path: Path) -> None:
    job, _ = desk.one.enqueue(arrival(tmp_path / "a"))
    late = desk.one.claim(60)
    assert late is not None
    assert desk.other.reclaim() == []
    desk.clock.now += 61
    assert desk.other.reclaim() == [job]
    claim = desk.other.claim(60)
    assert claim is not None
    desk.other.begin_publishing(claim, FAKE, "a")
    with pytest.raises(LeaseLost):
        desk.one.begin_publishing(late, FAKE, "a")
    assert [row.id for row in desk.other.half_done()] == [job]
    assert list(desk.one.half_done()) == []


def test_who_ends_the_last_attempt_of_another_files_it_in_the_quarantine(
    desk: Desk, tmp_path: Path
) -> None:
    job, _ = desk.one.enqueue(arrival(tmp_path / "a"))
    for _ in range(2):
        assert desk.one.claim(60) is not None
        desk.clock.now += 61
        desk.other.reclaim()
    assert desk.reader.get(job).state == "quarantined"
    assert [row.id for row in desk.other.half_done()] == [job]
    assert list(desk.one.half_done()) == []


def test_the_known_files_of_an_inbox_are_each_homes_own(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "a"
    job, _ = desk.one.enqueue(arrival(path))
    assert desk.other.known_files() == {}
    assert desk.other.enqueue(arrival(path)) == (job, False)
    desk.other.forget_file(path)
    assert set(desk.one.known_files()) == {path}


def test_whatever_is_done_by_hand_works_from_either(desk: Desk, tmp_path: Path) -> None:
    job, _ = desk.one.enqueue(arrival(tmp_path / "a"))
    claim = desk.one.claim(60)
    assert claim is not None
    desk.other.cancel(job)
    with pytest.raises(LeaseLost):
        desk.one.heartbeat(claim, 60, None, 1.0)
    desk.other.retry(job)
    assert desk.one.claim(60) is not None


def test_a_notice_is_told_by_the_home_that_planned_it(desk: Desk) -> None:
    with desk.databases[0].write() as connection:
        plan(connection, "d", "j", "verdict", "webhook", "{}", 1.0, "one")
    due = [
        [row.id for row in Notices(database, holder=name, clock=desk.clock).due()]
        for database, name in zip(desk.databases, ("one", "other"), strict=True)
    ]
    assert due == [["d"], []]


def test_what_is_from_before_homes_had_names_is_adopted_once(place: Place, tmp_path: Path) -> None:
    database = Database.create(place)
    before = Queue(database)
    before.enqueue(arrival(tmp_path / "a"))
    queue = Queue(database, holder="one")
    queue.adopt()
    Queue(database, holder="other").adopt()
    assert set(queue.known_files()) == {tmp_path / "a"}
