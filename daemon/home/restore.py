"""Putting a backup back: prepared beside the home's files, then moved into their place."""

import os
import shutil
import tarfile
import time
from pathlib import Path, PurePosixPath

from ...storage.content import hash_file
from ...storage.database import Database
from ...storage.errors import HomeError, UserError
from ...storage.reading import SCHEMA_VERSION
from ...storage.snapshot import folders, put_back
from ...storage.sync import sync_folder, sync_tree
from .backup import MANIFEST, Manifest, check
from .config import read_config
from .folders import outbox_path
from .home import Home

FILES = ("ddaemon.toml", ".home-id", "state.db")
ORDER = ("ddaemon.toml", ".home-id", "detectors", "state.db")  # the database last
COMPANIONS = ("", "-wal", "-shm")  # of an SQLite file


def restore(home: Home, file: Path, *, force: bool = False) -> Manifest:
    """Replace the home's state with that of `file`. On `UserError` the home is as it was."""
    manifest = check(file)
    _require_readable(file, manifest)
    home.make()
    with home.hold():
        _require_free(home, force)
        stage = home.path / ".restoring.new"
        shutil.rmtree(stage, ignore_errors=True)
        try:
            _prepare(home, file, manifest, stage)
            _begin(home, stage)
            _finish(home)
        except OSError as error:
            raise UserError(f"cannot restore: {error.strerror or error}") from error
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return manifest


def _require_readable(file: Path, manifest: Manifest) -> None:
    schema, names = manifest.get("schema"), manifest["members"]
    if not isinstance(schema, int) or schema > SCHEMA_VERSION:
        raise UserError(f"{file} has schema {schema}, this ddaemon reads up to {SCHEMA_VERSION}")
    for name in names:
        path = PurePosixPath(name)
        is_ours = name in FILES or (path.parts[0:1] == ("detectors",) and len(path.parts) > 1)
        if not is_ours or ".." in path.parts or str(path) != name:
            raise UserError(f"{file} is no backup: unexpected member {name!r}")
    if not {"ddaemon.toml", "state.db"} <= set(names):
        raise UserError(f"{file} is no backup: it has no database or no settings")


def _require_free(home: Home, force: bool) -> None:
    if home.config.is_file() and home.database != home.state:
        raise HomeError("a restore into another database than the home's state.db is not possible")
    if home.state.exists() and not (force or home.restoring.exists()):
        raise HomeError(f"{home.state} exists; --force keeps it under another name")


def _prepare(home: Home, file: Path, manifest: Manifest, stage: Path) -> None:
    stage.mkdir(mode=0o700)
    (stage / "detectors").mkdir(mode=0o750)
    _unpack(file, manifest, stage)
    if Home(stage).database != stage / "state.db":
        raise HomeError(f"the settings in {file} name a database that can't be restored into")
    database = Database.open(stage / "state.db")
    try:
        _require_known(outbox_path(home, read_config(stage / home.config.name)), folders(database))
        backup = {name: manifest[name] for name in ("made_at", "audit_head", "jobs")}
        put_back(database, backup)
    finally:
        database.close()
    sync_tree(stage)


def _unpack(file: Path, manifest: Manifest, stage: Path) -> None:
    with tarfile.open(file, mode="r:") as archive:
        for name, digest in manifest["members"].items():
            content = archive.extractfile(name)
            target = stage / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                raise UserError(f"{file} was altered while it was read")
            with target.open("xb") as stream:
                os.fchmod(stream.fileno(), 0o600 if name in FILES else 0o640)
                shutil.copyfileobj(content, stream)
            if hash_file(target) != digest:
                raise UserError(f"{file} was altered while it was read ({MANIFEST})")


def _require_known(outbox: Path, known: set[str]) -> None:
    """Raise `HomeError` when the outbox holds unknown verdicts: they would be published twice."""
    there = outbox.iterdir() if outbox.is_dir() else ()
    found = {path.name for path in there if not path.name.startswith(".")}
    if unknown := sorted(found - known):
        raise HomeError(
            f"{outbox} holds {len(unknown)} that the backup doesn't know, such as {unknown[0]}; "
            "move them elsewhere first (docs/backup.md)"
        )


def _begin(home: Home, stage: Path) -> None:
    if not home.restoring.exists():
        stage.rename(home.restoring)
    else:  # interrupted before: the mark stays while its content is replaced
        for name in ORDER:
            shutil.rmtree(home.restoring / name, ignore_errors=True)
            if (stage / name).exists():
                (stage / name).rename(home.restoring / name)
    sync_folder(home.path)


def _finish(home: Home) -> None:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + f"-{os.getpid()}"
    for name in ORDER:
        if (home.restoring / name).exists():
            for end in COMPANIONS:
                old = home.path / f"{name}{end}"
                if old.exists():
                    old.rename(home.path / f"{name}.before-{stamp}{end}")
            (home.restoring / name).rename(home.path / name)
            sync_folder(home.path)
    shutil.rmtree(home.restoring)
    sync_folder(home.path)
