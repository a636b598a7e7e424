"""Where detectors are kept: the bundled ones in the package, the user's own in the home.

The one in use is named by the last line of `detectors/active`, the one before it by the line
above, and so on; without that file it is the bundled default.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from .content import hash_file
from .detector_record import DetectorRecord
from .errors import DetectorError

BUNDLED = Path(__file__).parent / "detectors"
DEFAULT_DETECTOR = "lite0-sequence"
RECORD_FILE = "record.json"
ACTIVE_FILE = "active"


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
        for file, expected in self.record.files.items():
            path = self.path / file
            if Path(file).name != file or not path.is_file():
                raise DetectorError(
                    f"detector {self.name}: file {file!r} of its record is missing; "
                    "install the detector again"
                )
            if hash_file(path) != expected:
                raise DetectorError(
                    f"detector {self.name}: {file} is not the file its record was made for "
                    "(the checksum differs); install the detector again"
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

    def active_name(self) -> str:
        """The name of the detector that judges."""
        return self._chosen()[-1]

    def active(self) -> DetectorFolder:
        """The detector that judges."""
        return self.get(self.active_name())

    def use(self, name: str) -> DetectorFolder:
        """Make `name` the one that judges, after its files were verified."""
        detector = self.get(name)
        detector.verify()
        if name != self.active_name():
            self._choose([*self._chosen(), name])
        return detector

    def rollback(self) -> DetectorFolder:
        """Let the one judge that judged before. Raises `DetectorError` when there was none."""
        *before, _now = self._chosen()
        if not before:
            raise DetectorError(
                f"{self.active_name()} is the first that judges here; there is nothing before it"
            )
        detector = self.get(before[-1])
        detector.verify()
        self._choose(before)
        return detector

    def _chosen(self) -> list[str]:
        """Every choice that was made and not taken back, the latest last."""
        chosen = self.folder / ACTIVE_FILE
        return [DEFAULT_DETECTOR, *(chosen.read_text().split() if chosen.is_file() else ())]

    def _choose(self, names: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{ACTIVE_FILE}.{os.getpid()}"
        beside.write_text("".join(f"{name}\n" for name in names[1:]))
        beside.replace(self.folder / ACTIVE_FILE)

    def _folders(self) -> dict[str, Path]:
        return {path.name: path for root in (self.folder, BUNDLED) for path in _detectors_in(root)}


def read_detector(path: Path, *, bundled: bool = False) -> DetectorFolder:
    """Read the record in `path`. Raises `DetectorError` when it is missing or not understood."""
    try:
        raw = (path / RECORD_FILE).read_bytes()
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
