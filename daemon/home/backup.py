"""One file that holds a home's state: how it is written, and how it is checked."""

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import time
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select

from ... import __version__
from ...storage import audit
from ...storage.content import hash_file
from ...storage.database import Database
from ...storage.errors import HomeError, UserError
from ...storage.reading import SCHEMA_VERSION
from ...storage.snapshot import copy_tables
from ...storage.sync import sync_folder
from ...storage.tables import jobs
from ...storage.times import iso
from .config import read_config
from .folders import inbox_path
from .home import Home

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_MAX_BYTES = 16 * 2**20

Manifest = dict[str, Any]


def back_up(home: Home, file: Path, *, force: bool = False) -> Manifest:
    """Write the home's database, settings and detectors into `file`, which appears whole.

    A service may be running. Raises `UserError` (no home, the place is not allowed, disk full).
    """
    home.require()
    _require_allowed(home, file, force)
    if isinstance(home.database, Path) and not home.database.is_file():
        raise HomeError(f"{home.path} has no database; `ddaemon init` makes it")
    try:
        with tempfile.TemporaryDirectory(prefix=".ddaemon-backup-", dir=file.parent) as folder:
            manifest = _gather(home, Path(folder) / "state")
            _publish(_pack(Path(folder), manifest), file, force)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from error
    return manifest


def _require_allowed(home: Home, file: Path, force: bool) -> None:
    inbox = inbox_path(home, read_config(home.config))
    if file.resolve().is_relative_to(inbox.resolve()):
        raise UserError(f"{file} is in the inbox, where files are judged; choose another place")
    if file.exists() and not force:
        raise UserError(f"{file} exists; choose another name, or overwrite it with --force")


def _gather(home: Home, stage: Path) -> Manifest:
    stage.mkdir()
    source, target = Database.open(home.database), Database.create(stage / "state.db")
    try:
        copy_tables(source, target)
        description = _make_manifest(target)
    finally:
        source.close()
        target.close()  # the last to close folds the write-ahead log into the file
    shutil.copyfile(home.config, stage / home.config.name)
    if home.name_file.is_file():
        shutil.copyfile(home.name_file, stage / home.name_file.name)
    shutil.copytree(home.detectors, stage / home.detectors.name)
    names = sorted(path for path in stage.rglob("*") if path.is_file())
    members = {path.relative_to(stage).as_posix(): hash_file(path) for path in names}
    return {**description, "members": members}


def _make_manifest(database: Database) -> Manifest:
    with database.read() as connection:
        states = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
        return {
            "format": FORMAT,
            "ddaemon": __version__,
            "schema": SCHEMA_VERSION,
            "made_at": iso(time.time()),
            "jobs": {row[0]: row[1] for row in states},
            "audit_head": str(audit.head_of(connection)),
        }


def _pack(folder: Path, manifest: Manifest) -> Path:
    stage, packed = folder / "state", folder / "packed.tar"
    (stage / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    with packed.open("xb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for name in (*manifest["members"], MANIFEST):
                archive.add(stage / name, name, recursive=False)
        stream.flush()
        os.fsync(stream.fileno())
    return packed


def _publish(packed: Path, file: Path, force: bool) -> None:
    if force:
        packed.replace(file)
    else:
        os.link(packed, file)  # fails if somebody made the file meanwhile
    sync_folder(file.parent)


def check(file: Path) -> Manifest:
    """Verify every member of a backup without unpacking it; return its manifest.

    Raises `UserError` when a member is not as it was written.
    """
    try:
        with file.open("rb") as stream:
            manifest, found = _read(stream)
    except (tarfile.TarError, ValueError) as error:
        raise UserError(f"{file} is no backup, or damaged: {error}") from error
    if manifest.get("format") != FORMAT:
        raise UserError(f"{file} has format {manifest.get('format')}, this ddaemon reads {FORMAT}")
    if found != manifest.get("members"):
        raise UserError(f"{file} is damaged: its members are not those that the manifest lists")
    return manifest


def _read(stream: BinaryIO) -> tuple[Manifest, dict[str, str]]:
    found: dict[str, str] = {}
    manifest: object = None
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if not isinstance(content, BufferedReader) or member.name in found:
                raise ValueError(f"unexpected member {member.name!r}")
            if member.name == MANIFEST:
                if manifest is not None or member.size > MANIFEST_MAX_BYTES:
                    raise ValueError("it has more than one manifest, or one too large")
                manifest = json.load(content)
            else:
                found[member.name] = hashlib.file_digest(content, "sha256").hexdigest()
    if not isinstance(manifest, dict):
        raise tarfile.ReadError("it has no manifest")
    return manifest, found
