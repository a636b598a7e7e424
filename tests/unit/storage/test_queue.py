"""The queue's promises, over real databases of both engines."""

import os
import threading
from pathlib import Path

import pytest

from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.errors import HomeError, JobError, LeaseLost
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.place import Place
from ddaemon.storage.queue import Arrival, Outcome, Queue
from ddaemon.storage.states import ENDED, State

FAKE = Outcome("fake", None, 0.9)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(place: Place, clock: Clock) -> Queue:
    return Queue(Database.create(place), max_attempts=3, backoff_s=10.0, clock=clock)


@pytest.fixture
def reader(queue: Queue, place: Place) -> JobReader:
    return JobReader(place)


def arrival(path: Path, content: str = "a", priority: int = 0, at: float = 1.0) -> Arrival:
    return Arrival(path, FileStamp(10, 20, 30), content * 64, at, priority)


def test_a_content_becomes_one_job_however_often_it_arrives(queue: Queue, tmp_path: Path) -> None:
    first, is_new = queue.enqueue(arrival(tmp_path / "a.mp4"))
    again, is_new_again = queue.enqueue(arrival(tmp_path / "b.mp4"))
    assert (is_new, is_new_again) == (True, False)
    assert first == again
    assert set(queue.known_files()) == {tmp_path / "a.mp4", tmp_path / "b.mp4"}


def test_another_content_under_the_same_name_is_a_new_job(queue: Queue, tmp_path: Path) -> None:
    first, _ = queue.enqueue(arrival(tmp_path / "a.mp4", "a"))
    second, is_new = queue.enqueue(arrival(tmp_path / "a.mp4", "b"))
    assert is_new
    assert first != second


def test_a_job_whose_file_went_missing_follows_its_content(queue: Queue, tmp_path: Path) -> None:
    queue.enqueue(arrival(tmp_path / "gone.mp4"))
    queue.enqueue(arrival(tmp_path / "renamed.mp4"))
    claim = queue.claim(60)
    assert claim is not None
    assert claim.source == tmp_path / "renamed.mp4"


def test_names_may_be_any_bytes(queue: Queue, reader: JobReader, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 'x'\n.mp4")
    job, _ = queue.enqueue(arrival(path))
    claim = queue.claim(60)
    assert claim is not None
    assert claim.source == path
    assert reader.get(job).name == "caf\\xe9 'x'\n.mp4"
    assert path in queue.known_files()


def test_the_highest_priority_goes_first_and_then_the_oldest(queue: Queue, tmp_path: Path) -> None:
    late, _ = queue.enqueue(arrival(tmp_path / "late", "a", at=3))
    urgent, _ = queue.enqueue(arrival(tmp_path / "urgent", "b", priority=5, at=4))
    early, _ = queue.enqueue(arrival(tmp_path / "early", "c", at=2))
    claims = [queue.claim(60) for _ in range(4)]
    assert [claim.job for claim in claims if claim] == [urgent, early, late]
    assert claims[3] is None


def test_many_claimers_never_get_the_same_job(queue: Queue, tmp_path: Path) -> None:
    for number in range(40):
        queue.enqueue(arrival(tmp_path / str(number), f"{number:02}"))
    taken: list[str] = []

    def take() -> None:
        while claim := queue.claim(60):
            taken.append(claim.job)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_many_writers_that_read_first_never_find_the_database_locked(
    queue: Queue, tmp_path: Path
) -> None:
    failures: list[Exception] = []

    def put(first: int) -> None:
        try:
            for number in range(first, first + 20):
                queue.enqueue(arrival(tmp_path / str(number), f"{number:03}"))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=put, args=(100 * thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert queue.open_jobs() == 120


def test_a_job_runs_from_claim_to_done(queue: Queue, reader: JobReader, tmp_path: Path) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    queue.heartbeat(claim, 60, "faces", 40.0)
    assert (reader.get(job).stage, reader.get(job).percent) == ("faces", 40.0)
    queue.begin_publishing(claim, FAKE, "a-" + job)
    assert reader.get(job).state == State.PUBLISHING
    queue.finish(job, "f" * 64)
    row = reader.get(job)
    assert (row.state, row.decision, row.probability) == (State.DONE, "fake", 0.9)
    kinds = [event.kind for event in reader.history(job)]
    assert kinds == ["accepted", "claimed", "judged", "published"]


def test_a_publication_is_told_of_once(queue: Queue, place: Place, tmp_path: Path) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    queue.finish(job, "f" * 64)
    queue.begin_publishing(claim, FAKE, "a-" + job)
    for _ in range(2):
        queue.finish(job, "f" * 64)
    log = AuditLog(place)
    told = [(entry.job, entry.sha256) for entry in log.chain() if entry.kind == "published"]
    assert told == [(job, "f" * 64)]


def test_a_holder_that_lost_its_lease_can_write_nothing(
    queue: Queue, reader: JobReader, tmp_path: Path, clock: Clock
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    late = queue.claim(60)
    assert late is not None
    clock.now += 61
    assert queue.reclaim() == [job]
    clock.now += 10
    assert queue.claim(60) is not None
    for write in (
        lambda: queue.heartbeat(late, 60, None, 0),
        lambda: queue.begin_publishing(late, FAKE, "x"),
        lambda: queue.release(late, "x"),
        lambda: queue.fail(late, "x"),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert reader.get(job).state == State.RUNNING


def test_a_lease_that_is_kept_alive_or_held_here_is_not_reclaimed(
    queue: Queue, tmp_path: Path, clock: Clock
) -> None:
    queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    clock.now += 50
    queue.heartbeat(claim, 60, None, 0)
    clock.now += 50
    assert queue.reclaim() == []
    clock.now += 50
    assert queue.reclaim(held=[claim.token]) == []
    assert queue.reclaim() == [claim.job]


def test_a_starting_service_takes_back_leases_that_still_run(
    queue: Queue, reader: JobReader, tmp_path: Path
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    queue.claim(60)
    assert queue.reclaim(everything=True) == [job]
    assert reader.get(job).state == State.PENDING


def test_attempts_back_off_and_end_in_quarantine(
    queue: Queue, reader: JobReader, tmp_path: Path, clock: Clock
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    for wait, state in ((10, State.PENDING), (20, State.PENDING), (0, State.QUARANTINED)):
        claim = queue.claim(60)
        assert claim is not None
        assert queue.fail(claim, "the decoder died") is state
        assert queue.claim(60) is None, "not before the backoff is over"
        clock.now += wait
    row = reader.get(job)
    assert (row.attempts, row.error) == (3, "the decoder died")
    assert [half.id for half in queue.half_done()] == [job], "its reason file is still to be made"
    queue.set_folder(job, "a-1", tmp_path / "a")
    assert queue.half_done() == []


def test_a_clock_that_is_set_back_makes_no_job_wait_for_hours(
    queue: Queue, tmp_path: Path, clock: Clock
) -> None:
    queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    queue.fail(claim, "the decoder died")
    clock.now -= 6 * 3600
    assert queue.claim(60) is not None


def test_a_released_job_has_not_used_an_attempt(
    queue: Queue, reader: JobReader, tmp_path: Path
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    claim = queue.claim(60)
    assert claim is not None
    queue.release(claim, "the service stops")
    assert (reader.get(job).state, reader.get(job).attempts) == (State.PENDING, 0)


def test_retry_and_cancel_refuse_what_makes_no_sense(queue: Queue, tmp_path: Path) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    with pytest.raises(JobError, match="is pending; only a job that is quarantined or cancelled"):
        queue.retry(job)
    claim = queue.claim(60)
    assert claim is not None
    queue.cancel(job)
    with pytest.raises(LeaseLost):
        queue.heartbeat(claim, 60, None, 0)
    with pytest.raises(JobError):
        queue.cancel(job)
    queue.retry(job)
    assert queue.claim(60) is not None


def test_purge_forgets_ended_jobs_but_not_their_files(
    queue: Queue, reader: JobReader, tmp_path: Path, clock: Clock
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    queue.enqueue(arrival(tmp_path / "b", "b"))
    queue.cancel(job)
    assert queue.purge(older_than_s=100) == 0
    clock.now += 101
    assert queue.purge(older_than_s=100) == 1
    assert tmp_path / "a" in queue.known_files()
    assert sum(reader.counts().values()) == 1
    assert queue.purge(0, states=list(State)) == 0, "a job that has not ended is never purged"


def test_a_job_is_found_by_the_beginning_of_its_id(
    queue: Queue, reader: JobReader, tmp_path: Path
) -> None:
    job, _ = queue.enqueue(arrival(tmp_path / "a"))
    assert reader.get(job[:4]).id == job
    for wrong in ("", "%", "nosuchjob"):
        with pytest.raises(JobError):
            reader.get(wrong)


def test_every_state_is_counted_and_the_ended_ones_are_ends(
    queue: Queue, reader: JobReader
) -> None:
    assert reader.counts() == dict.fromkeys(State, 0)
    assert set(ENDED) == {State.DONE, State.QUARANTINED, State.CANCELLED}


def test_a_missing_or_damaged_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="missing"):
        Database.open(tmp_path / "none.db")
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database at all" * 100)
    with pytest.raises(HomeError, match="left as it is"):
        Database.open(garbage)
    assert garbage.read_bytes().startswith(b"not a database")


def test_a_database_of_another_schema_is_refused(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "state.db")
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    with pytest.raises(HomeError, match="schema 99"):
        Database.open(tmp_path / "state.db")


def test_the_database_is_private_and_synchronous(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "state.db")
    assert (tmp_path / "state.db").stat().st_mode & 0o077 == 0
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
