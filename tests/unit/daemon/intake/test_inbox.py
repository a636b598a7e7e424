"""What of a real folder may be taken."""

import os
from pathlib import Path

import pytest

from ddaemon.daemon.home.config import IGNORED
from ddaemon.daemon.intake.inbox import Inbox


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path, IGNORED)


def found(inbox: Inbox) -> set[str]:
    return {path.relative_to(inbox.path).as_posix() for path in inbox.scan().files}


def put(inbox: Inbox, name: str) -> Path:
    path = inbox.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_files_are_found_in_subfolders_too(inbox: Inbox) -> None:
    put(inbox, "a.mp4")
    put(inbox, "monday/b.mp4")
    assert found(inbox) == {"a.mp4", "monday/b.mp4"}


@pytest.mark.parametrize(
    "name",
    [".hidden.mp4", "a.mp4.part", "b.tmp", "c.crdownload", "d.filepart", "@eaDir/e.mp4",
     ".stversions/f.mp4"],
)  # fmt: skip
def test_half_written_and_hidden_names_are_never_taken(inbox: Inbox, name: str) -> None:
    path = put(inbox, name)
    assert found(inbox) == set()
    assert inbox.look(path) is None


def test_links_pipes_and_folders_are_never_taken(inbox: Inbox, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.mp4").write_bytes(b"x")
    (inbox.path / "link.mp4").symlink_to(outside / "secret.mp4")
    (inbox.path / "linked").symlink_to(outside)
    os.mkfifo(inbox.path / "pipe.mp4")
    (inbox.path / "folder.mp4").mkdir()
    assert found(inbox) == set()
    assert inbox.look(inbox.path / "link.mp4") is None
    refused = {path.name: why for path, why in inbox.scan().refused.items()}
    assert refused == {
        "link.mp4": "it is a symbolic link",
        "linked": "it is a symbolic link",
        "pipe.mp4": "it is a named pipe",
    }
    assert inbox.refusal(inbox.path / "pipe.mp4") == "it is a named pipe"
    assert inbox.refusal(inbox.path / "folder.mp4") is None


def test_names_that_are_no_text_are_found(inbox: Inbox) -> None:
    (inbox.path / os.fsdecode(b"\xff\n'.mp4")).write_bytes(b"x")
    assert len(found(inbox)) == 1


def test_a_path_outside_is_not_wanted(inbox: Inbox) -> None:
    assert not inbox.wants(Path("/etc/passwd"))


def test_a_missing_inbox_is_not_an_empty_one(tmp_path: Path) -> None:
    gone = Inbox(tmp_path / "gone", ())
    assert gone.identity() is None
    with pytest.raises(FileNotFoundError):
        gone.scan()
