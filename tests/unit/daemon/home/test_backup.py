"""A backup appears whole, is checked, and overwrites nothing."""

import tarfile
from pathlib import Path

import pytest

from ddaemon.daemon.home.backup import back_up, check
from ddaemon.daemon.home.home import Home
from ddaemon.storage.errors import UserError
from ddaemon.tests.homes import home_to_back_up


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_to_back_up(tmp_path / "home")


def test_a_backup_passes_its_check_and_is_for_its_owner_alone(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    manifest = back_up(home, file)
    assert check(file) == manifest
    assert set(manifest["members"]) == {"state.db", "ddaemon.toml", "detectors/record"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "home"]


def test_a_file_is_overwritten_only_by_force(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    file.write_text("mine")
    with pytest.raises(UserError, match="--force"):
        back_up(home, file)
    assert file.read_text() == "mine"
    back_up(home, file, force=True)
    check(file)


def test_a_place_in_the_inbox_is_refused(home: Home) -> None:
    with pytest.raises(UserError, match="inbox"):
        back_up(home, home.inbox / "b.tar")


def test_an_altered_member_is_found(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    back_up(home, file)
    file.write_bytes(file.read_bytes().replace(b"kept", b"bent"))
    with pytest.raises(UserError, match="damaged"):
        check(file)


def test_a_link_in_the_archive_is_refused(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    back_up(home, file)
    with tarfile.open(file, "a") as archive:
        link = tarfile.TarInfo("../out")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(UserError, match="unexpected member"):
        check(file)
