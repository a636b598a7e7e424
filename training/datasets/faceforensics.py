"""FaceForensics++ (Rössler et al., ICCV 2019), with the DeepFakeDetection videos of its site."""

import json
import re
from pathlib import Path

from .media import kind_of
from .remarks import Remarks
from .rows import FAKE, REAL, SPLITS, VIDEO, Row

ORIGINALS, FAKES = "original_sequences", "manipulated_sequences"
YOUTUBE, ACTORS = "youtube", "actors"
# 000_003 shows 000 with the face of 003; 01_02__walking__YVGY8LOK shows actor 01 with that of 02.
_YOUTUBE_FAKE = re.compile(r"(\d+)_(\d+)")
_ACTOR_FAKE = re.compile(r"(\d+)_(\d+)__(.+)__\w+")
_ACTOR_REAL = re.compile(r"(\d+)__.+")
_ODD_NAMES = "names that don't say who is in the video"


class FaceForensics:
    """Takes every compression level that is there; copies of one video share its group."""

    name = "FaceForensics++"
    needs = f"folders {ORIGINALS}/*/*/videos and {FAKES}/*/*/videos, also its split files (JSON)"

    def recognises(self, dataset: Path) -> bool:
        """Whether one of its two folders is there."""
        return (dataset / ORIGINALS).is_dir() or (dataset / FAKES).is_dir()

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """Each YouTube video and each actor is a group; the method is the folder's name."""
        splits = _splits(dataset, remarks)
        rows = []
        for path in _videos(dataset):
            row = _real(path) if path.startswith(ORIGINALS) else _fake(dataset, path)
            if row is None:
                remarks.fault(_ODD_NAMES, path)
            else:
                rows.append(row.but(split=splits.get(row.group, "")))
        return rows


def _videos(dataset: Path) -> list[str]:
    """Paths below the data set, sorted."""
    found = (
        path
        for kind in (ORIGINALS, FAKES)
        for path in sorted((dataset / kind).glob("*/*/videos/*"))
    )
    return [
        path.relative_to(dataset).as_posix()
        for path in found
        if kind_of(path.name) == VIDEO and not path.name.startswith(".")
    ]


def _real(path: str) -> Row | None:
    source, stem = path.split("/")[1], Path(path).stem
    if source == YOUTUBE:
        return Row(path, REAL, f"{YOUTUBE}-{stem}")
    found = _ACTOR_REAL.fullmatch(stem)
    return Row(path, REAL, f"{ACTORS}-{found[1]}") if found else None


def _fake(dataset: Path, path: str) -> Row | None:
    _, method, compression, _, file = path.split("/")
    stem, suffix = Path(file).stem, Path(file).suffix
    if found := _YOUTUBE_FAKE.fullmatch(stem):
        source, original = YOUTUBE, found[1]
    elif found := _ACTOR_FAKE.fullmatch(stem):
        source, original = ACTORS, f"{found[1]}__{found[3]}"
    else:
        return None
    pair = f"{ORIGINALS}/{source}/{compression}/videos/{original}{suffix}"
    return Row(
        path,
        FAKE,
        group=f"{source}-{found[1]}",
        donor=f"{source}-{found[2]}",
        method=method,
        pair=pair if (dataset / pair).is_file() else "",
    )


def _splits(dataset: Path, remarks: Remarks) -> dict[str, str]:
    """The split of each group that the three lists of pairs name."""
    splits: dict[str, str] = {}
    for split in SPLITS:
        for folder in (dataset, dataset / "splits"):
            if (file := folder / f"{split}.json").is_file():
                splits |= {f"{YOUTUBE}-{video}": split for video in _listed(file, remarks)}
    return splits


def _listed(file: Path, remarks: Remarks) -> list[str]:
    try:
        pairs = json.loads(file.read_text(encoding="utf-8"))
        return [str(video) for one, other in pairs for video in (one, other)]
    except (ValueError, TypeError) as error:
        remarks.fault("split files that are not lists of pairs", f"{file.name} ({error})")
        return []
