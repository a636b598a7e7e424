"""Text from outside is shown, never obeyed, and never longer than wanted."""

from ddaemon.storage.text import clipped


def test_short_text_is_only_made_printable() -> None:
    assert clipped("Зоя\x1b", 4) == "Зоя\\x1b"


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert clipped("ab\n" + "x" * 997, 4) == "ab\\nx... (1000 characters)"
