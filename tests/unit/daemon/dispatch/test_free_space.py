"""A full disk is said in words."""

from pathlib import Path

import pytest

from ddaemon.daemon.dispatch import free_space as room


def test_a_disk_with_room_is_no_trouble(tmp_path: Path) -> None:
    assert room.space_shortage(tmp_path) is None


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LEAST_BYTES", 1 << 60)
    assert f"the disk of {tmp_path} is full" in str(room.space_shortage(tmp_path))
