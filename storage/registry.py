"""Where detectors are kept: the bundled ones in the package, the user's own in the home.

The one in use is named by the last line of `detectors/active`, the one before it by the line
above, and so on; without that file it is the bundled default. Each name is followed by the SHA-256
of the detector's record at the time of the choice, so that a detector altered since is refused. The
bundled default's is the constant below.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from .content import read_whole
from .detector_record import DetectorRecord
from .errors import DetectorError

BUNDLED = Path(__file__).parent / "detectors"
DEFAULT_DETECTOR = "lite0-sequence"
RECORD_FILE = "record.json"
ACTIVE_FILE = "active"
# Of its record, which has those of its other files. To be replaced when it is trained again.
DEFAULT_SHA256 = "026f5143e802ebfa4523c47980d9ec1615c61d7289fe0d36ffc0696c3a503136"
MAX_RECORD_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 30  # of one file of a detector


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector chosen to judge, and its record's SHA-256 then; None where it was not noted."""

    name: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class DetectorFolder:
    """A detector on disk, its record read. `sha256` is that of `record.json`."""

    path: Path
    record: DetectorRecord
    sha256: str
    bundled: bool

    @property
    def name(self) -> str:
        return self.record.name

    def verify(self) -> None:
        """Compare every file with its checksum; raise `DetectorError` naming the first fault."""
        for file in self.record.files:
            self.read(file)

    def read_all(self) -> dict[str, bytes]:
        """Every file, read once: exactly the bytes whose checksums were compared.

        Raises `DetectorError` naming the first fault.
        """
        return {file: self.read(file) for file in self.record.files}

    def require_covered(self, file: str) -> None:
        """Raise `DetectorError` unless the record has a checksum for this file."""
        if file not in self.record.files:
            raise DetectorError(f"detector {self.name}: its record does not cover {file}")

    def read(self, file: str) -> bytes:
        """A file that the record covers: exactly the bytes whose checksum was compared.

        Raises `DetectorError` when it is not covered, is missing or was altered.
        """
        self.require_covered(file)
        path = self.path / file
        if Path(file).name != file or not path.is_file():
            raise DetectorError(
                f"detector {self.name}: file {file!r} of its record is missing; "
                "install the detector again"
            )
        try:
            content = read_whole(path, MAX_FILE_BYTES)
        except OSError as error:
            raise DetectorError(f"detector {self.name}: {file}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != self.record.files[file]:
            raise DetectorError(
                f"detector {self.name}: {file} is not the file its record was made for "
                "(the checksum differs); install the detector again"
            )
        return content

    def require(self, sha256: str | None) -> None:
        """Raise `DetectorError` unless this is the record that was chosen (None: not noted)."""
        if sha256 not in (None, self.sha256):
            raise DetectorError(
                f"detector {self.name}: {RECORD_FILE} is not the one that was chosen to judge (the "
                "checksum differs); install the detector again, or if the change is yours, choose "
                f"it again: `ddaemon detectors use {self.name}`"
            )


class Registry:
    """The detectors of one home. `folder` need not exist: then only the bundled ones are known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_bundled(cls) -> "Registry":
        """The bundled detectors alone."""
        return cls(BUNDLED)

    def names(self) -> list[str]:
        """Every detector's name."""
        return list(self._folders())

    def get(self, name: str) -> DetectorFolder:
        """Read one detector's record. Raises `DetectorError` when there is none of that name."""
        folders = self._folders()
        if name not in folders:
            raise DetectorError(
                f"no detector is called {name!r}; there are: {', '.join(folders) or 'none'}"
            )
        return read_detector(folders[name], bundled=folders[name].parent == BUNDLED)

    def record_of(self, name: str, sha256: str) -> DetectorRecord | None:
        """The record of the very detector that a verdict names; None when it is not here."""
        try:
            found = self.get(name)
        except DetectorError:
            return None
        return found.record if found.sha256 == sha256 else None

    def active_name(self) -> str:
        """The name of the detector that judges."""
        return self._chosen()[-1].name

    def active(self) -> DetectorFolder:
        """The detector that judges. Raises `DetectorError` when it is gone, or not the one that was
        chosen; no other detector ever takes its place."""
        return self._as_chosen(self._chosen()[-1])

    def use(self, name: str) -> DetectorFolder:
        """Make `name` the detector that judges, after verifying its files."""
        detector = self.get(name)
        detector.verify()
        choice = Choice(name, detector.sha256)
        *before, now = self._chosen()
        if name != now.name:
            self._choose([*before, now, choice])
        elif choice != now:  # it was altered, and with this a person accepts that
            self._choose([*before, choice])
        return detector

    def rollback(self) -> DetectorFolder:
        """Go back to the detector that judged before. Raises `DetectorError` if there was none."""
        *before, _now = self._chosen()
        if not before:
            raise DetectorError(
                f"{self.active_name()} is the first that judges here; there is nothing before it"
            )
        detector = self._as_chosen(before[-1])
        detector.verify()
        self._choose(before)
        return detector

    def _as_chosen(self, choice: Choice) -> DetectorFolder:
        detector = self.get(choice.name)
        detector.require(choice.sha256)
        return detector

    def _chosen(self) -> list[Choice]:
        """Every choice that was not taken back, the latest last."""
        chosen = self.folder / ACTIVE_FILE
        lines = chosen.read_text().splitlines() if chosen.exists() else ()
        parts = [line.split() for line in lines if line.strip()]
        made = [Choice(part[0], part[1] if len(part) > 1 else None) for part in parts]
        return [Choice(DEFAULT_DETECTOR, DEFAULT_SHA256), *made]

    def _choose(self, choices: list[Choice]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{ACTIVE_FILE}.{os.getpid()}"
        lines = (f"{choice.name} {choice.sha256 or ''}".strip() for choice in choices[1:])
        beside.write_text("".join(f"{line}\n" for line in lines))
        beside.replace(self.folder / ACTIVE_FILE)

    def _folders(self) -> dict[str, Path]:
        return {path.name: path for root in (self.folder, BUNDLED) for path in _detectors_in(root)}


def read_detector(path: Path, *, bundled: bool = False) -> DetectorFolder:
    """Read the record in `path`. Raises `DetectorError` when it is missing or not understood."""
    try:
        raw = read_whole(path / RECORD_FILE, MAX_RECORD_BYTES)
        record = DetectorRecord.model_validate_json(raw)
    except OSError as error:
        raise DetectorError(f"cannot read {path / RECORD_FILE}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DetectorError(
            f"{path / RECORD_FILE} is not a detector's record: {where}: {first['msg']}"
        ) from error
    if record.name != path.name:
        raise DetectorError(
            f"the folder {path.name} holds the detector {record.name}; rename it to {record.name}"
        )
    return DetectorFolder(path, record, hashlib.sha256(raw).hexdigest(), bundled)


def _detectors_in(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(p.parent for p in root.glob(f"*/{RECORD_FILE}"))
