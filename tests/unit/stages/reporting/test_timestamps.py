import pytest

from ddaemon.stages.reporting.timestamps import clock, marks, moment


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (61.25, "1:01.2"), (3723, "1:02:03.0")],
)
def test_a_time_is_minutes_and_seconds_with_hours_where_there_are_any(seconds, words) -> None:
    assert clock(seconds) == words


def test_a_time_of_the_record_loses_its_fraction() -> None:
    assert moment("2026-01-02T03:04:05.678Z") == "2026-01-02 03:04:05 UTC"


@pytest.mark.parametrize("until", [0.1, 0.9, 3, 59, 61, 600, 5400, 21_600, 100_000])
@pytest.mark.parametrize("most", [4, 8])
def test_an_axis_has_some_marks_and_never_more_than_there_is_room_for(until, most) -> None:
    found = marks(until, most)
    assert 1 <= len(found) <= most
    assert found[0][0] == 0
    assert found[-1][0] <= until
    assert len({words for _, words in found}) == len(found)
