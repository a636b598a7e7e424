"""A restore changes a home as a whole, or says why not."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ddaemon.daemon.home.backup import MANIFEST, back_up
from ddaemon.daemon.home.home import Home
from ddaemon.daemon.home.restore import _require_readable, restore
from ddaemon.storage.database import Database
from ddaemon.storage.errors import HomeError, UserError
from ddaemon.storage.reading import SCHEMA_VERSION
from ddaemon.tests.homes import home_to_back_up


@pytest.fixture
def file(tmp_path: Path) -> Path:
    home = home_to_back_up(tmp_path / "home")
    back_up(home, tmp_path / "b.tar")
    return tmp_path / "b.tar"


@pytest.fixture
def fresh(tmp_path: Path) -> Home:
    return Home(tmp_path / "fresh")


def test_a_fresh_home_gets_everything(file: Path, fresh: Home) -> None:
    restore(fresh, file)
    fresh.require()
    Database.open(fresh.state).close()
    assert (fresh.detectors / "record").read_text() == "kept"
    assert not fresh.restoring.exists()


def test_a_database_is_kept_beside_and_only_by_force(file: Path, fresh: Home) -> None:
    restore(fresh, file)
    inode = fresh.state.stat().st_ino
    with pytest.raises(HomeError, match="--force"):
        restore(fresh, file)
    restore(fresh, file, force=True)
    assert [p.stat().st_ino for p in fresh.path.glob("state.db.before-*")] == [inode]


def test_a_home_in_service_is_refused(file: Path, fresh: Home) -> None:
    fresh.make()
    with fresh.hold(), pytest.raises(HomeError, match="another service"):
        restore(fresh, file)


def test_an_outbox_with_unknown_verdicts_is_refused(file: Path, fresh: Home) -> None:
    fresh.make()
    (fresh.outbox / "newer").mkdir()
    with pytest.raises(HomeError, match="newer"):
        restore(fresh, file)
    assert not fresh.state.exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(file: Path, fresh: Home, kind: bytes) -> None:
    _add(file, "detectors/x", kind)
    with pytest.raises(UserError):
        restore(fresh, file)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "detectors/../../x", "other"])
def test_members_that_are_not_listed_are_refused(file: Path, fresh: Home, name: str) -> None:
    _add(file, name, tarfile.REGTYPE)
    with pytest.raises(UserError):
        restore(fresh, file)
    assert not fresh.path.exists()


@pytest.mark.parametrize("step", range(1, 5))
def test_a_restore_that_dies_at_a_move_is_healed_by_the_next(
    file: Path, fresh: Home, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (child := os.fork()) == 0:
        moves, rename = iter(range(99)), Path.rename
        monkeypatch.setattr(
            Path, "rename", lambda a, b: os._exit(9) if next(moves) == step else rename(a, b)
        )
        restore(fresh, file)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with pytest.raises(HomeError, match="broken off"):
        fresh.require()
    restore(fresh, file)
    fresh.require()
    Database.open(fresh.state).close()


def _add(file: Path, name: str, kind: bytes) -> None:
    with tarfile.open(file, "a") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "state.db"
        archive.addfile(member)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "detectors/../../x", "other", "detectors"])
def test_names_that_a_forged_manifest_lists_are_refused(file: Path, fresh: Home, name: str) -> None:
    _forge(file, {"members": {"state.db": "", "ddaemon.toml": "", name: ""}})
    with pytest.raises(UserError, match="unexpected member"):
        _require_readable(file, _manifest(file))


def test_a_newer_schema_is_refused(file: Path, fresh: Home) -> None:
    _forge(file, {"schema": SCHEMA_VERSION + 1})
    with pytest.raises(UserError, match="schema"):
        restore(fresh, file)
    assert not fresh.path.exists()


def _manifest(file: Path) -> dict[str, Any]:
    with tarfile.open(file) as archive:
        content = archive.extractfile(MANIFEST)
        assert content is not None
        manifest: dict[str, Any] = json.load(content)
        return manifest


def _forge(file: Path, changes: dict[str, Any]) -> None:
    """Write the archive again, with another manifest."""
    manifest = json.dumps(_manifest(file) | changes).encode()
    forged = file.with_name("forged.tar")
    with tarfile.open(file) as old, tarfile.open(forged, "w") as new:
        for member in old.getmembers():
            if member.name != MANIFEST:
                new.addfile(member, old.extractfile(member))
        told = tarfile.TarInfo(MANIFEST)
        told.size = len(manifest)
        new.addfile(told, io.BytesIO(manifest))
    forged.replace(file)
