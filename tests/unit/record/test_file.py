"""The record is closed over what lies beside it."""

import json
import os
from pathlib import Path

import pytest

from ddaemon.record.file import close_record, files_of, read_record, write_record
from ddaemon.storage.content import hash_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "heatmaps").mkdir(parents=True)
    (folder / "heatmap.png").write_bytes(b"sheet")
    (folder / "heatmaps" / "01.png").write_bytes(b"one")
    write_record({"probability": 0.1 + 0.2, "custody": [], "files": {}}, folder)
    return folder


def test_a_closed_record_lists_all_but_itself_and_is_otherwise_as_it_was(folder: Path) -> None:
    closed = close_record(folder)
    assert closed == read_record(folder)
    assert closed["files"] == {
        "heatmap.png": hash_file(folder / "heatmap.png"),
        "heatmaps/01.png": hash_file(folder / "heatmaps" / "01.png"),
    }
    assert closed["probability"] == 0.1 + 0.2


def test_closing_again_after_a_crash_replaces_what_the_first_closing_said(folder: Path) -> None:
    for at in ("first", "second"):
        (folder / f"{at}.mp4").touch()
        closed = close_record(folder, {"at": at, "what": "audit log", "detail": at})
    assert closed["custody"] == [{"at": "second", "what": "audit log", "detail": "second"}]
    assert set(closed["files"]) == {"first.mp4", "second.mp4", "heatmap.png", "heatmaps/01.png"}


def test_nothing_but_the_record_is_written_into_the_folder(folder: Path) -> None:
    before = set(files_of(folder))
    close_record(folder)
    assert set(files_of(folder)) == before
    assert [path.name for path in folder.parent.iterdir()] == ["work"]


def test_two_names_never_look_the_same(tmp_path: Path) -> None:
    names = [b"a\xe9", rb"a\xe9", rb"a\x5cxe9", "aé".encode(), b"a\nb"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    assert len(files_of(tmp_path)) == len(names)
    json.dumps(list(files_of(tmp_path))).encode("utf-8")


def test_a_link_to_a_folder_is_listed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    assert list(files_of(tmp_path)) == ["link"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"custody": [{}]}',
        '{"custody": 1}',
        '{"detector": {"name": 1}}',
        '{"facts": NaN}',
        '{"facts": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
    ids=["torn", "list", "deep", "custody", "no custody", "detector", "NaN", "deep inside"],
)
def test_a_damaged_record_is_told_as_one(folder: Path, text: str) -> None:
    (folder / "verdict.json").write_text(text)
    with pytest.raises(OSError, match="is damaged"):
        close_record(folder)
