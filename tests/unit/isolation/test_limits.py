"""The limits of a call, watched over a process that does what the test says."""

from concurrent.futures import Future

import pytest

from ddaemon.isolation import limits
from ddaemon.isolation.limits import CallLimits, CallWatch, Limit, wait_within


class Process:
    """As much of a `WorkerProcess` as a watch looks at."""

    def __init__(self) -> None:
        self.megabytes, self.heard = 1, 0
        self.future: Future[None] = Future()

    def signs(self) -> int:
        return self.heard

    def memory_bytes(self) -> int:
        return self.megabytes * limits.MB

    def kill(self) -> None:
        self.megabytes = 0  # as of one that is gone


LIMITS = CallLimits(
    time=Limit(10, "s", "workers.job_seconds"),
    memory=Limit(4096, "MB", "workers.memory_mb"),
    silence=Limit(3, "s", "queue.lease"),
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_a_call_within_its_limits_may_go_on(clock) -> None:
    process = Process()
    watch = CallWatch(process, LIMITS)
    for _ in range(5):
        clock(2)
        process.heard += 1
        assert watch.exceeded() is None


def test_each_limit_is_named_with_its_setting(clock) -> None:
    process = Process()
    watch = CallWatch(process, LIMITS)
    process.megabytes = 4097
    assert watch.exceeded() == "it took more memory than workers.memory_mb (4096 MB)"
    process.megabytes, process.heard = 1, 1
    clock(11)
    assert watch.exceeded() == "it took longer than workers.job_seconds (10 s)"


def test_a_process_is_silent_only_while_somebody_listens(clock) -> None:
    process = Process()
    watch = CallWatch(process, LIMITS)
    clock(5)  # nobody looked meanwhile: 2 s of it count
    assert watch.exceeded() is None
    clock(1.5)
    assert watch.exceeded() == "its worker gave no sign of life for queue.lease (3 s)"
    process.heard += 1
    assert watch.exceeded() is None
    assert watch.silent_s == 0


def test_without_a_setting_the_amount_stands_alone(clock) -> None:
    watch = CallWatch(Process(), CallLimits(Limit(3.0, "seconds"), Limit(400, "MB")))
    clock(4)
    assert watch.exceeded() == "it took longer than 3 seconds"


def test_the_limit_that_ended_a_call_is_what_is_reported(monkeypatch) -> None:
    monkeypatch.setattr(limits, "LOOK_EVERY_S", 0.01)
    process = Process()
    process.megabytes = 5000

    def notice_the_end() -> None:  # a look or two after the kill, as a listening thread does
        if process.megabytes == 0:
            process.future.set_result(None)

    assert "more memory" in str(wait_within(LIMITS, process, process.future, notice_the_end))


def test_a_call_that_ends_by_itself_passed_no_limit() -> None:
    process = Process()
    process.future.set_result(None)
    assert wait_within(LIMITS, process, process.future) is None
