"""Text from outside is shown, never obeyed, and never longer than wanted."""

import json

import pytest

from ddaemon.storage.text import cell, clipped, printable, printable_lines, readable_json


def test_short_text_is_only_made_printable() -> None:
    assert clipped("Зоя\x1b", 4) == "Зоя\\x1b"


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert clipped("ab\n" + "x" * 997, 4) == "ab\\nx... (1000 characters)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Прямой эфир ❤️.mp4", "Прямой эфир ❤️.mp4"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\u202e\u200b\u2028", "\\u202e\\u200b\\u2028"),
        ("\u3164", "\\u3164"),
        ("\udcff\udc80", "\\xff\\x80"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
    ],
)
def test_what_does_not_show_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_of_ours_stay_lines() -> None:
    assert printable_lines("two faults:\n  a\x1b\r") == "two faults:\n  a\\x1b\\r"


def test_json_for_people_hides_nothing_and_means_the_same() -> None:
    value = {"name": "\x9b\u202eЗоя\n\x7f\udcff\U000e0041\u3164"}
    text = readable_json(value)
    assert json.loads(text) == value
    assert all(printable(line) == line for line in text.splitlines())
    assert "Зоя" in text


def test_a_cell_is_text_and_never_a_formula() -> None:
    assert [cell(value) for value in ("=1", "a;=1", "a;\n-1", 7, None)] == [
        "'=1", "a;'=1", "a;'\\n-1", 7, None,
    ]  # fmt: skip
