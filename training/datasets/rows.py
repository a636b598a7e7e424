"""The index of a data set: one row per video or face image, kept in `index.csv`.

Labels follow the convention of the seed system: 0 is fake, 1 is real.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ...storage.errors import UserError

FAKE, REAL = 0, 1
TRAIN, VAL, TEST, UNUSED = "train", "val", "test", "unused"
SPLITS = (TRAIN, VAL, TEST)
VIDEO, IMAGE = "video", "image"


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled video or face image."""

    path: str  # below the data set, with /; a member of an archive is <archive>/<member>
    label: int  # FAKE or REAL
    group: str  # identity or source clip, which must not be in two splits
    donor: str = ""  # a second identity in it, such as the face that was swapped in
    split: str = ""  # one of SPLITS, or UNUSED; "" until it is decided
    kind: str = VIDEO
    method: str = ""  # of manipulation, where the data set says
    pair: str = ""  # path of the real that it was made from, where the data set says
    forge: int = 0  # not 0: `path` is real, and is forged with this seed when it is read
    note: str = ""  # why it is unused, in words
    sha256: str = ""  # of the file's content
    bytes: int = 0
    width: int = 0  # of the picture, in pixels
    height: int = 0
    seconds: float = 0.0  # 0 for an image
    bits_per_pixel: float = 0.0  # of a frame: how strongly it is compressed

    @property
    def fake(self) -> bool:
        return self.label == FAKE

    @property
    def name(self) -> str:
        """A name that is unique within the data set."""
        return f"{self.path}#forged-{self.forge}" if self.forge else self.path

    def but(self, **changes: Any) -> "Row":
        """A copy with some fields changed."""
        return replace(self, **changes)


def write_index(path: Path, rows: Iterable[Row]) -> None:
    """Write `index.csv`, whole or not at all."""
    beside = path.with_suffix(".new")
    with beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    beside.replace(path)


def read_index(path: Path) -> list[Row]:
    """Read what `write_index` wrote. Raises `UserError` when it is not such a file."""
    types = {field.name: field.type for field in fields(Row)}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [
                Row(**{name: types[name](value) for name, value in row.items()})  # type: ignore[operator]
                for row in csv.DictReader(stream)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not the index of a run: {error}") from error


def of_split(rows: Sequence[Row], split: str) -> list[int]:
    """The places in `rows` of one split's rows."""
    return [place for place, row in enumerate(rows) if row.split == split]
