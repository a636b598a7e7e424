"""Hostile names never become paths or terminal escapes."""

import pytest

from ddaemon.daemon.publishing.names import folder_name
from ddaemon.storage.text import printable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip.mp4", "clip-j1"),
        ("two words.final.mp4", "two words.final-j1"),
        ("Прямой эфир.mp4", "Прямой эфир-j1"),
        ("कखग.mp4", "कखग-j1"),
        ("up/../a/b.mp4", "up_.._a_b-j1"),
        (".hidden.mp4", "hidden-j1"),
        ("a\nb\x1b[31m\"'.mp4", "a_b__31m-j1"),
        ("....", "video-j1"),
        ("", "video-j1"),
        ("-rf.mp4", "rf-j1"),
        ("\u3164.mp4", "video-j1"),
    ],
)
def test_a_folder_is_named_after_its_file(name: str, expected: str) -> None:
    assert folder_name(name, "j1") == expected


def test_a_long_name_is_cut_between_letters() -> None:
    name = folder_name("é" * 300 + ".mp4", "j1")
    assert len(name.encode()) <= 84
    assert name.endswith("é-j1")


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert printable("a\x1b[2Jb\n\u202e") == "a\\x1b[2Jb\\n\\u202e"
    assert printable("Зоя 1.mp4") == "Зоя 1.mp4"
    assert printable("\udcff") == "\\xff"
