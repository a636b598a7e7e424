"""Any order of the queue's operations leaves it as a plain model says, over both engines."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ddaemon.storage import audit
from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.errors import JobError, LeaseLost
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.place import Place
from ddaemon.storage.queue import MAX_BACKOFF_S, Arrival, Claim, Outcome, Queue
from ddaemon.storage.states import ENDED, State
from ddaemon.storage.tables import metadata

MAX_ATTEMPTS, BACKOFF_S, LEASE_S = 2, 10.0, 60.0
contents = st.integers(0, 3)
picks = st.integers(0, 20)


@dataclass
class Job:
    """What the model knows of one job."""

    id: str
    content: int
    received_at: float
    state: State = State.PENDING
    attempts: int = 0
    not_before: float = 0.0
    token: str | None = None
    lease_until: float = 0.0
    finished_at: float | None = None
    judged_at: float | None = None  # of its last verdict

    def is_due(self, now: float) -> bool:
        """A longer wait than any backoff is the clock's, not the job's."""
        return not now < self.not_before <= now + MAX_BACKOFF_S


class Machine(RuleBasedStateMachine):
    def __init__(self, database: Database, place: Place, folder: Path) -> None:
        super().__init__()
        self.now = 1_700_000_000.0
        self.queue = Queue(
            database, max_attempts=MAX_ATTEMPTS, backoff_s=BACKOFF_S, clock=lambda: self.now
        )
        self.reader, self.place, self.folder = JobReader(place), place, folder
        self.jobs: dict[str, Job] = {}
        self.claims: list[Claim] = []
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
            audit.begin(connection)

    # -- the operations ----------------------------------------------------------------------

    @rule(content=contents)
    def enqueue(self, content: int) -> None:
        path = self.folder / f"{content}.mp4"
        path.touch()
        known = [job for job in self.jobs.values() if job.content == content]
        arrival = Arrival(path, FileStamp.of(path.lstat()), f"{content}" * 64, self.now)
        job, is_new = self.queue.enqueue(arrival)
        assert is_new == (not known)
        if known:
            assert job == known[0].id
        else:
            self.jobs[job] = Job(job, content, self.now)

    @rule()
    def claim(self) -> None:
        due = [j for j in self.jobs.values() if j.state == State.PENDING and j.is_due(self.now)]
        claim = self.queue.claim(LEASE_S)
        if claim is None:
            assert not due
            return
        job = self.jobs[claim.job]
        assert job is min(due, key=lambda job: (job.received_at, job.id))
        job.state, job.token, job.attempts = State.RUNNING, claim.token, job.attempts + 1
        job.lease_until = self.now + LEASE_S
        assert claim.attempt == job.attempts
        self.claims.append(claim)

    @rule(pick=picks)
    def heartbeat(self, pick: int) -> None:
        if job := self.held(pick, lambda c: self.queue.heartbeat(c, LEASE_S, "faces", 1.0)):
            job.lease_until = self.now + LEASE_S

    @rule(pick=picks)
    def begin_publishing(self, pick: int) -> None:
        outcome = Outcome("fake", None, 0.9)
        if job := self.held(pick, lambda c: self.queue.begin_publishing(c, outcome, c.job)):
            job.state = State.PUBLISHING

    @rule(pick=picks)
    def finish(self, pick: int) -> None:
        if job := self.any_job(pick):
            self.queue.finish(job.id, "f" * 64)
            if job.state == State.PUBLISHING:
                job.state, job.token = State.DONE, None
                job.finished_at = job.judged_at = self.now

    @rule(pick=picks)
    def fail(self, pick: int) -> None:
        if job := self.held(pick, lambda c: self.queue.fail(c, "it\x00crashed \udce9")):
            self.end_attempt(job)

    @rule(pick=picks)
    def release(self, pick: int) -> None:
        if job := self.held(pick, lambda c: self.queue.release(c, "x")):
            job.state, job.token, job.attempts = State.PENDING, None, job.attempts - 1

    @rule()
    def reclaim(self) -> None:
        running = [job for job in self.jobs.values() if job.state == State.RUNNING]
        expired = [job for job in running if job.lease_until < self.now]
        assert sorted(self.queue.reclaim()) == sorted(job.id for job in expired)
        for job in expired:
            self.end_attempt(job)

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        if job := self.by_hand(pick, self.queue.cancel, State.PENDING, State.RUNNING):
            job.state = State.CANCELLED if job.judged_at is None else State.DONE
            job.finished_at, job.token = job.judged_at or self.now, None

    @rule(pick=picks)
    def retry(self, pick: int) -> None:
        if job := self.by_hand(pick, self.queue.retry, State.QUARANTINED, State.CANCELLED):
            job.state, job.attempts, job.not_before = State.PENDING, 0, 0.0

    @rule(pick=picks)
    def rerun(self, pick: int) -> None:
        if job := self.by_hand(pick, lambda id: self.queue.rerun(id, "new"), State.DONE):
            job.state, job.attempts, job.not_before = State.PENDING, 0, 0.0

    @rule(seconds=st.sampled_from([0.0, 30.0, 4000.0]))
    def purge(self, seconds: float) -> None:
        old = [
            job.id
            for job in self.jobs.values()
            if job.state in ENDED and (job.finished_at or 0) <= self.now - seconds
        ]
        assert self.queue.purge(seconds) == len(old)
        for job in old:
            del self.jobs[job]

    @rule(seconds=st.sampled_from([5.0, 61.0, 10_000.0, -30.0, -7200.0]))
    def move_clock(self, seconds: float) -> None:
        self.now += seconds

    # -- what holds always -------------------------------------------------------------------

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        found = {row.id: (row.state, row.attempts) for row in self.reader.find()}
        assert found == {job.id: (job.state, job.attempts) for job in self.jobs.values()}

    def teardown(self) -> None:
        log = AuditLog(self.place)
        assert log.verify().fault is None
        log.close()
        self.reader.close()

    # -- helpers -----------------------------------------------------------------------------

    def any_job(self, pick: int) -> Job | None:
        return list(self.jobs.values())[pick % len(self.jobs)] if self.jobs else None

    def held(self, pick: int, write) -> Job | None:
        """Write under any claim there ever was; the job, if the claim was worth anything."""
        if not self.claims:
            return None
        claim = self.claims[-1 - pick % len(self.claims)]
        job = self.jobs.get(claim.job)
        if job and job.token == claim.token and job.state == State.RUNNING:
            write(claim)
            return job
        try:
            write(claim)
        except LeaseLost:
            return None
        raise AssertionError("a lost lease wrote")

    def by_hand(self, pick: int, change, *allowed: State) -> Job | None:
        if (job := self.any_job(pick)) is None:
            return None
        try:
            change(job.id)
        except JobError:
            assert job.state not in allowed
            return None
        assert job.state in allowed
        return job

    def end_attempt(self, job: Job) -> None:
        job.token = None
        if job.attempts < MAX_ATTEMPTS:
            job.state = State.PENDING
            job.not_before = self.now + BACKOFF_S * 2 ** (job.attempts - 1)
        elif job.judged_at is None:
            job.state, job.finished_at = State.QUARANTINED, self.now
        else:
            job.state, job.finished_at = State.DONE, job.judged_at


def test_whatever_is_done_in_whatever_order_the_queue_is_as_the_model(
    place: Place, tmp_path: Path
) -> None:
    database = Database.create(place)
    how = settings(
        max_examples=25,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Machine(database, place, tmp_path), settings=how)
    database.close()
