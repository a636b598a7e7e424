"""Folders appear whole, once, and whatever the crash."""

import json
from pathlib import Path

import pytest

from ddaemon.daemon.publishing.outbox import PublishDirectory, free_name


@pytest.fixture
def directory(tmp_path: Path) -> PublishDirectory:
    (tmp_path / "outbox").mkdir()
    return PublishDirectory(tmp_path / "outbox")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "heatmaps").mkdir(parents=True)
    (folder / "verdict.json").write_text("{}")
    (folder / "heatmaps" / "1.png").write_bytes(b"png")
    return folder


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_all_of_the_work_appears_and_nothing_is_left(
    directory: PublishDirectory, work: Path
) -> None:
    final = directory.place("clip-1", work)
    assert files(final) == {"verdict.json", "heatmaps/1.png"}
    assert not work.exists()
    assert [path.name for path in directory.path.iterdir()] == ["clip-1"]


def test_placing_again_changes_nothing(
    directory: PublishDirectory, work: Path, tmp_path: Path
) -> None:
    directory.place("clip-1", work)
    other = tmp_path / "other"
    other.mkdir()
    (other / "verdict.json").write_text("another")
    assert (directory.place("clip-1", other) / "verdict.json").read_text() == "{}"


def test_a_move_that_a_crash_cut_short_is_taken_up(directory: PublishDirectory, work: Path) -> None:
    work.rename(directory.path / ".clip-1.part")
    assert directory.has_part("clip-1")
    assert files(directory.place("clip-1", work)) == {"verdict.json", "heatmaps/1.png"}


def test_the_original_goes_along(directory: PublishDirectory, work: Path, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"video")
    final = directory.place("clip-1", work, video)
    assert (final / "clip.mp4").read_bytes() == b"video"
    assert not video.exists()


def test_an_original_can_not_take_the_place_of_the_verdict(
    directory: PublishDirectory, work: Path, tmp_path: Path
) -> None:
    hostile = tmp_path / "verdict.json"
    hostile.write_text('{"decision": "real"}')
    final = directory.place("verdict-1", work, hostile)
    assert (final / "verdict.json").read_text() == "{}"
    assert (final / "verdict-2.json").read_text() == '{"decision": "real"}'


def test_a_reason_can_be_read(directory: PublishDirectory, tmp_path: Path) -> None:
    final = directory.place_reason("clip-1", tmp_path / "new", {"last_error": "é"}, None)
    assert json.loads((final / "reason.json").read_text()) == {"last_error": "é"}


def test_a_taken_name_is_never_overwritten(tmp_path: Path) -> None:
    assert free_name(tmp_path / "a.mp4").name == "a.mp4"
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a-2.mp4").touch()
    assert free_name(tmp_path / "a.mp4").name == "a-3.mp4"


@pytest.mark.parametrize("name", ["x" * 251 + ".mp4", "a." + "x" * 253, "€" * 85])
def test_a_name_that_has_no_room_for_a_number_gives_way(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    free = free_name(tmp_path / name)
    free.touch()
    assert "-2" in free.name
    assert len(list(tmp_path.iterdir())) == 2
