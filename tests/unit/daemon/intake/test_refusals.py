"""What is said of entries that are not taken."""

from pathlib import Path

import pytest

from ddaemon.daemon.intake.refusals import Refusals

LINK, LARGE = Path("/inbox/link.mp4"), Path("/inbox/large.mp4")


def test_each_reason_is_said_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for _ in range(3):
        refusals.add(LINK, "it is a symbolic link")
    refusals.add(LINK, "it is a named pipe")
    assert [record.message for record in caplog.records] == [
        "link.mp4 is not taken: it is a symbolic link",
        "link.mp4 is not taken: it is a named pipe",
    ]


def test_the_status_hears_of_files_that_somebody_waits_for_until_they_are_gone() -> None:
    refusals = Refusals()
    refusals.add(LINK, "it is a symbolic link")
    assert refusals.summary() is None
    refusals.add(LARGE, "it has 60.0 GB", is_told=True)
    assert refusals.summary() == "large.mp4 is not taken: it has 60.0 GB"
    refusals.keep_only({LINK})
    assert refusals.summary() is None


def test_one_that_went_and_came_again_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for _ in range(2):
        refusals.add(LINK, "it is a symbolic link")
        refusals.lose(LINK)
    assert len(caplog.records) == 2
