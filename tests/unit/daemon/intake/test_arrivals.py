"""The rule for complete files, with a clock that the test turns."""

from pathlib import Path

import pytest

from ddaemon.daemon.intake.arrivals import Arrivals, Phase
from ddaemon.storage.content import FileStamp

VIDEO = Path("/inbox/a.mp4")
SMALL, LARGE = FileStamp(1, 1, 1), FileStamp(2, 2, 1)


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals(settle=3, patience=60)


def test_a_file_is_due_when_it_was_still_for_the_settle_time(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    assert arrivals.due(2.9) == []
    assert arrivals.due(3) == [(VIDEO, SMALL)]
    assert arrivals.due(4) == [], "it is examined already"


def test_a_file_that_grows_starts_its_stillness_anew(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.see(VIDEO, LARGE, now=2)
    assert arrivals.due(4.9) == []
    assert arrivals.due(5) == [(VIDEO, LARGE)]


def test_looking_again_at_an_unchanged_file_changes_nothing(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.see(VIDEO, SMALL, now=2)
    assert arrivals.due(3) == [(VIDEO, SMALL)]
    arrivals.see(VIDEO, SMALL, now=4)
    assert arrivals.count(Phase.EXAMINED) == 1


def test_a_file_that_does_not_open_waits_until_patience_is_over(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.due(3)
    arrivals.wait(VIDEO, SMALL, now=3)
    assert arrivals.count(Phase.WAITING) == 1
    assert arrivals.due(59) == []
    assert not arrivals.is_patience_over(VIDEO, 59)
    assert arrivals.due(60) == [(VIDEO, SMALL)]
    assert arrivals.is_patience_over(VIDEO, 60)


def test_a_waiting_file_that_changes_settles_again(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.due(3)
    arrivals.wait(VIDEO, SMALL, now=3)
    arrivals.see(VIDEO, LARGE, now=10)
    assert arrivals.due(13) == [(VIDEO, LARGE)]


def test_an_answer_about_an_older_stamp_is_void(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.due(3)
    arrivals.see(VIDEO, LARGE, now=4)
    arrivals.wait(VIDEO, SMALL, now=5)
    assert not arrivals.is_current(VIDEO, SMALL)
    assert arrivals.count(Phase.WAITING) == 0


def test_the_next_moment_is_that_of_the_file_due_first(arrivals: Arrivals) -> None:
    assert arrivals.next_due() is None
    arrivals.see(VIDEO, SMALL, now=5)
    arrivals.see(Path("/inbox/b.mp4"), SMALL, now=1)
    assert arrivals.next_due() == 4


def test_files_that_a_look_at_the_inbox_does_not_find_are_forgotten(arrivals: Arrivals) -> None:
    arrivals.see(VIDEO, SMALL, now=0)
    arrivals.keep_only([])
    assert len(arrivals) == 0
