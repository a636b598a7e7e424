"""How a video or face image becomes vectors, and a digest that identifies exactly that.

Arrays are cached under the SHA-256 of the content and this digest, so that another backbone, crop,
frame count or face finder never gets a stale one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...stages.faces import Faces
from ...stages.frames import Frames
from ...stages.settings import FacesSettings, FramesSettings
from ...stages.shipped import SHA256
from ...storage.detector_record import PreprocessingRecord
from ..datasets.rows import IMAGE, Row

CODE = 2  # version of extract.py, raised when what it computes changes (2: persons' measures)
BATCH = 16  # crops at once through the backbone
VIEWS_SEED = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What vectors depend on besides the file. It is sent to worker processes."""

    backbone_folder: Path  # of the saved backbone
    backbone: str  # digest of that backbone with its preprocessing
    preprocessing: PreprocessingRecord
    frames: FramesSettings
    faces: FacesSettings
    views: int  # of a face image
    cache: Path

    @property
    def digest(self) -> str:
        """Identifies the whole way from file to vectors."""
        parts = (
            self.crops_digest,
            self.backbone,
            str(CODE),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def crops_digest(self) -> str:
        """Identifies the way from file to the backbone's input."""
        parts = (
            self.preprocessing.model_dump_json(include={"size", "crop"}),
            self.frames.model_dump_json(exclude={"keep"}),
            self.faces.model_dump_json(),
            f"{Frames.version} {Faces.version} {self.views} {VIEWS_SEED} {CODE}",
            *(f"{name} {digest}" for name, digest in sorted(SHA256.items())),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def vectors_file(self, row: Row) -> Path:
        """Where the row's vectors are kept."""
        return self._file(self.digest, row)

    def crops_file(self, row: Row) -> Path:
        """Where the row's crops are kept, if they are."""
        return self._file(f"crops-{self.crops_digest}", row)

    def _file(self, way: str, row: Row) -> Path:
        forged = f"-forged-{row.forge}" if row.forge else ""
        image = "-image" if row.kind == IMAGE else ""
        return self.cache / way / row.sha256[:2] / f"{row.sha256}{image}{forged}.npz"


def make_plan(
    backbone_folder: Path,
    backbone: str,
    preprocessing: PreprocessingRecord,
    frames: int,
    cache: Path,
) -> Plan:
    """The plan with the default settings of serving, and this many frames."""
    fewest = min(FacesSettings().min_frames, frames)
    return Plan(
        backbone_folder=backbone_folder,
        backbone=backbone,
        preprocessing=preprocessing,
        frames=FramesSettings(count=frames),
        faces=FacesSettings(min_frames=fewest),
        views=frames,
        cache=cache,
    )
