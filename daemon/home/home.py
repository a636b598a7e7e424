"""The home folder: where one ddaemon keeps everything."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from ...storage.errors import HomeError
from ...storage.locks import lock, lock_within
from ...storage.place import Place, place_of
from .database_url import database_url

FOLDER_MODE = 0o750
UMASK = 0o027  # the group may read, nobody else anything
OTHERS_WRITE = 0o002
LOCK_PATIENCE_S = 1.0  # `ddaemon status` holds the lock for microseconds


class Home:
    """The paths inside one home folder. Making the object touches nothing on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.config = self.path / "ddaemon.toml"
        self.inbox = self.path / "inbox"
        self.outbox = self.path / "outbox"
        self.work = self.path / "work"
        self.quarantine = self.path / "quarantine"
        self.detectors = self.path / "detectors"
        self.runs = self.path / "runs"
        self.cache = self.path / "cache"
        self.state = self.path / "state.db"
        self.name_file = self.path / ".home-id"
        self.service_note = self.path / "service.json"
        self.restoring = self.path / ".restoring"
        self.lock = self.path / ".lock"

    @classmethod
    def default(cls) -> "Home":
        """The home of a user who names none."""
        return cls(Path(platformdirs.user_data_dir("ddaemon", appauthor=False)))

    @property
    def folders(self) -> tuple[Path, ...]:
        return (self.inbox, self.outbox, self.work, self.quarantine, self.detectors)

    def make(self) -> None:
        """Make the folders that are missing. Raises `HomeError` when that is not allowed."""
        try:
            for folder in (self.path, *self.folders):
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(
                f"cannot make {error.filename}: {error.strerror}; "
                "choose another place with --home DIR"
            ) from error

    def require_own(self) -> None:
        """Raise `HomeError` when another user could decide what is run here, and as whom.

        The settings name a command, plugins and a detector: whoever can write them can act as the
        user who runs the service.
        """
        for path in (self.path, self.config, self.state, self.detectors):
            if not path.exists():
                continue
            status = path.stat()
            if status.st_uid not in (os.geteuid(), 0):
                raise HomeError(
                    f"{path} belongs to user {status.st_uid}, this is user {os.geteuid()}: run "
                    f"ddaemon as its owner, or chown {self.path} to who runs it"
                )
            if status.st_mode & OTHERS_WRITE:
                raise HomeError(f"anybody may write {path}; chmod o-w it")

    def require(self) -> None:
        """Raise `HomeError` unless `ddaemon init` was run here, and no restore was interrupted."""
        self.require_whole()
        if not self.config.is_file():
            raise HomeError(
                f"{self.path} is not a ddaemon home; "
                f"make one with `ddaemon init --home {self.path}`"
            )

    def require_whole(self) -> None:
        """Raise `HomeError` when a restore was interrupted here."""
        if self.restoring.exists():
            raise HomeError("a restore was broken off: run `ddaemon restore FILE` again")

    @property
    def database(self) -> Place:
        """Where its database is. Raises `ConfigError` when the settings can't be read."""
        return place_of(database_url(self.config), self.state)

    def name(self) -> str:
        """The id of this home among those that use the same database; made once.

        When a home is copied for a second service, this file must be removed from the copy.
        """
        if not self.name_file.is_file():
            beside = self.name_file.with_name(f".home-id.{os.getpid()}")
            beside.write_text(secrets.token_hex(8), encoding="ascii")
            with suppress(FileExistsError):
                self.name_file.hardlink_to(beside)
            beside.unlink()
        return self.name_file.read_text(encoding="ascii").strip()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the home as its only service. Raises `HomeError` when another service holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not lock_within(descriptor, LOCK_PATIENCE_S):
                raise HomeError(
                    f"another service runs on {self.path}; `ddaemon status` shows it, "
                    "and --home DIR chooses another home"
                )
            yield
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether a service is alive. The kernel releases the lock when its process ends, however
        that happens, so unlike a pid file this can't be stale."""
        if not self.lock.is_file():
            return False
        descriptor = os.open(self.lock, os.O_RDONLY)
        try:
            return not lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
