"""From the end of a job to a delivery, over a real database and real servers; time is a number."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ddaemon.daemon.home.config import NotifySettings
from ddaemon.daemon.notices.delivery_result import DeliveryResult
from ddaemon.daemon.notices.notifier import MAX_RETRY_AFTER_S, Notifier, pause
from ddaemon.daemon.notices.planner import Planner, Target, targets_of, trial_payload
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.job_reader import JobReader, NoticeView
from ddaemon.storage.notices import Notices
from ddaemon.storage.queue import Arrival, Outcome, Queue
from ddaemon.tests.receiver import receiving

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/webhook.schema.json").read_text())
)
SECRET = "correct horse battery staple"
RATES = {"false_positive_rate": 0.1, "false_positive_interval": [0.0, 0.2]}
RATES |= {"false_negative_rate": 0.1, "false_negative_interval": [0.0, 0.2]}
RECORD = {
    "thresholds": {"fake": 0.8, "real": 0.2, **RATES, "inconclusive_rate": 0.3}
    | {"measured_on": "x", "videos": 3},
    "detector": {"name": "d", "version": "1", "sha256": "a" * 64, "backbone": "b"},
}


class Desk:
    """A queue, a notifier without a thread of its own, and a clock that stands still."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.now = 1_790_000_000.0
        self.root = root
        self.outbox = root / "outbox"
        self.outbox.mkdir(exist_ok=True)
        key = root / "key"
        key.write_text(SECRET)
        key.chmod(0o600)
        if "webhook" in settings:
            settings = {"secret_file": str(key), "allow_private": True, **settings}
        self.settings = NotifySettings(**settings)
        self.database = Database.create(root / "state.db")
        self.queue = Queue(self.database, max_attempts=1, clock=self.clock)
        self.reader = JobReader(root / "state.db")
        self.restart()

    def clock(self) -> float:
        return self.now

    def restart(self, *more: Target) -> None:
        """As a service that begins, whatever became of the one before."""
        outbox, quarantine = self.outbox, self.root / "quarantine"
        targets = [*targets_of(self.settings, outbox, quarantine, clock=self.clock), *more]
        self.queue.on_ended = Planner(self.settings, targets, self.outbox)
        self.notifier = Notifier(Notices(self.database, clock=self.clock), chance=lambda: 0.5)
        self.notifier.configure(self.settings, targets)

    def claim(self, name: str = "clip.mp4"):
        path = self.root / name
        path.write_bytes(b"x")
        digest = name.encode().hex()[:64].ljust(64, "0")
        self.queue.enqueue(Arrival(path, FileStamp.of(path.lstat()), digest, 1.0))
        claim = self.queue.claim(60)
        assert claim is not None
        return claim

    def judge(self, decision: str = "fake", name: str = "clip.mp4") -> str:
        claim = self.claim(name)
        self.queue.begin_publishing(claim, Outcome(decision, None, 0.9), f"f-{claim.job}")
        folder = self.outbox / f"f-{claim.job}"
        folder.mkdir()
        (folder / "verdict.json").write_text(json.dumps(RECORD))
        self.queue.finish(claim.job, "0" * 64)
        return claim.job

    def deliver(self) -> NoticeView:
        """One round, to its end; the newest notice."""
        self.notifier.deliver_due()
        until(lambda: not self.notifier._busy)
        return self.reader.notices()[0]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_verdict_is_told_once_with_all_that_the_schema_promises(tmp_path: Path) -> None:
    with receiving() as receiver:
        desk = Desk(tmp_path, webhook=receiver.url())
        job = desk.judge()
        assert desk.deliver().state == "delivered"
        assert desk.deliver().attempts == 1
    (request,) = receiver.got
    told = json.loads(request.body)
    SCHEMA.validate(told)
    assert (told["event"], told["job"], told["decision"]) == ("verdict", job, "fake")
    assert told["thresholds"] == RECORD["thresholds"]
    assert told["delivery"] == request.headers["X-Ddaemon-Delivery"]
    SCHEMA.validate(json.loads(trial_payload(told["delivery"], 1.0)))


def test_a_quarantine_is_told_when_its_folder_can_be_looked_at(tmp_path: Path) -> None:
    with receiving() as receiver:
        desk = Desk(tmp_path, webhook=receiver.url())
        claim = desk.claim()
        desk.queue.fail(claim, "the decoder died")
        assert desk.deliver().state == "waiting"
        (row,) = desk.queue.half_done()
        desk.queue.set_folder(row.id, f"clip-{row.id}", row.source)
        assert desk.deliver().state == "delivered"
    told = json.loads(receiver.got[0].body)
    SCHEMA.validate(told)
    assert told["event"] == "quarantine"
    assert told["decision"] is None
    assert told["reason"] == "every attempt failed: the decoder died"
    assert told["folder"] == f"clip-{row.id}"


def test_only_the_outcomes_that_were_asked_for_are_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path, webhook="http://127.0.0.1:9/", on=("fake",))
    desk.judge("real", "a.mp4")
    desk.judge("inconclusive", "b.mp4")
    assert desk.reader.notices() == []
    desk.judge("fake", "c.mp4")
    assert len(desk.reader.notices()) == 1


def test_without_a_target_nothing_is_written(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.judge()
    assert desk.reader.notices() == []


def test_a_notice_and_the_end_of_its_job_are_written_together_or_not_at_all(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, webhook="http://127.0.0.1:9/")
    claim = desk.claim()
    desk.queue.begin_publishing(claim, Outcome("fake", None, 0.9), "lost")
    with pytest.raises(FileNotFoundError):
        desk.queue.finish(claim.job, "0" * 64)  # its record can't be read
    assert desk.reader.get(claim.job).state == "publishing"
    assert desk.reader.notices() == []


def test_a_failed_delivery_is_tried_again_later_and_later(tmp_path: Path) -> None:
    with receiving() as receiver:
        receiver.statuses = [500, 503, 204]
        desk = Desk(tmp_path, webhook=receiver.url(), backoff=30)
        desk.judge()
        first = desk.deliver()
        assert (first.state, first.attempts, first.answer) == ("waiting", 1, "HTTP 500")
        assert first.not_before == desk.now + 30
        desk.now += 29
        assert desk.deliver().attempts == 1
        desk.now += 1
        assert desk.deliver().not_before == desk.now + 60
        desk.now += 60
        assert desk.deliver().state == "delivered"
    deliveries = {request.headers["X-Ddaemon-Delivery"] for request in receiver.got}
    signatures = {request.headers["X-Ddaemon-Signature"] for request in receiver.got}
    assert (len(deliveries), len(signatures)) == (1, 3)


def test_pauses_are_spread_bounded_and_not_shorter_than_asked_for() -> None:
    assert pause(1, 30, None, 0.0) == 24
    assert pause(1, 30, None, 1.0) == 36
    assert pause(50, 30, None, 0.5) == 3600
    assert pause(1, 30, 120.0, 0.5) == 120
    assert pause(1, 30, 1e9, 0.5) == MAX_RETRY_AFTER_S
    assert pause(1, 30, -5.0, 0.5) == 30


def test_a_notice_is_given_up_after_its_attempts_or_at_410_and_can_be_retried(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        receiver.statuses = [500, 500, 410, 204]
        desk = Desk(tmp_path, webhook=receiver.url(), attempts=2, backoff=1)
        desk.judge()
        desk.deliver()
        desk.now += 10
        assert desk.deliver().state == "given_up"
        assert desk.reader.undelivered() == [("webhook", "given_up", 1, "HTTP 500")]
        assert len(desk.reader.notices(failed=True)) == 1
        for expected in ("given_up", "delivered"):
            assert Notices(desk.database, clock=desk.clock).retry() == 1
            assert desk.deliver().state == expected
    assert desk.reader.undelivered() == []


def test_a_service_that_died_in_mid_delivery_delivers_again_after_its_start(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        desk = Desk(tmp_path, webhook=receiver.url(), attempts=2)
        desk.judge()
        Notices(desk.database).begin(desk.reader.notices()[0].id)  # and then it was killed
        desk.restart()
        notice = desk.deliver()
    assert (notice.state, notice.attempts, len(receiver.got)) == ("delivered", 2, 1)


def test_a_target_that_is_no_longer_set_is_given_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, webhook="http://127.0.0.1:9/")
    desk.judge()
    desk.settings = NotifySettings(command=("true",))
    desk.restart()
    assert "no such target" in (desk.deliver().answer or "")


class Deaf:
    """A target that answers nothing until it is let go."""

    key = label = "deaf"

    def __init__(self) -> None:
        self.called, self.let_go = threading.Event(), threading.Event()

    def check(self) -> None:
        raise AssertionError("only `ddaemon doctor` asks")

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        self.called.set()
        self.let_go.wait(30)
        return DeliveryResult(False, "heard nothing")


def test_a_target_that_hangs_holds_up_neither_jobs_nor_other_targets(tmp_path: Path) -> None:
    with receiving() as receiver:
        desk = Desk(tmp_path, webhook=receiver.url())
        deaf = Deaf()
        desk.restart(deaf)
        desk.notifier.start()
        try:
            desk.judge(name="first.mp4")
            desk.notifier.wake()
            assert deaf.called.wait(30)
            for number in range(3):
                desk.judge(name=f"{number}.mp4")
            desk.notifier.wake()
            until(lambda: len(receiver.got) == 4)
            assert not desk.notifier.is_idle()
        finally:
            deaf.let_go.set()
            desk.notifier.stop()
    assert desk.reader.undelivered()[0][2] == 1


def test_no_secret_is_in_the_database_or_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with receiving() as receiver:
        receiver.statuses = [500]
        url = receiver.url().replace("//", "//me:hush@") + "&token=t0ken"
        chat = f"json://me:hush@127.0.0.1:{receiver.port}/?token=t0ken"
        desk = Desk(tmp_path, webhook=url, apprise=(chat,), attempts=1)
        desk.judge()
        assert desk.deliver().state == "given_up"
    desk.database.close()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    for secret in ("hush", "t0ken", SECRET):
        assert secret.encode() not in written
        assert secret not in caplog.text


class Broken:
    """A target with a fault of ours."""

    key = label = "broken"

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        raise ZeroDivisionError

    def check(self) -> None:
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_ends_the_notifier_and_the_notice_stays(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.restart(Broken())
    desk.judge()
    desk.notifier.start()
    until(lambda: not desk.notifier.is_alive())
    (notice,) = desk.reader.notices()
    assert (notice.state, notice.attempts) == ("waiting", 1)
