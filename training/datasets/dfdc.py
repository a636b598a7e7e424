"""The Deepfake Detection Challenge (Dolhansky et al., 2020): `metadata.json` beside videos."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from .remarks import Remarks
from .rows import FAKE, REAL, SPLITS, TRAIN, Row

METADATA = "metadata.json"


class _Entry(BaseModel):
    label: Literal["REAL", "FAKE"]
    split: str = ""
    original: Annotated[str | None, Field(description="the video a fake was made from")] = None


_ENTRIES = TypeAdapter(dict[str, _Entry])


class Dfdc:
    """One part, or a folder of parts. The group is the source video: actors are not named."""

    name = "DFDC"
    needs = f"a {METADATA} beside the videos, or folders that have one each"

    def recognises(self, dataset: Path) -> bool:
        """Whether there is a `metadata.json`, here or one folder down."""
        return next(_metadata(dataset), None) is not None

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """One row for each entry. A fake whose original is named shares its group."""
        rows = [
            row
            for file in _metadata(dataset)
            for row in _part(file, file.parent.relative_to(dataset), remarks)
        ]
        where = {Path(row.path).name: row.path for row in rows if row.label == REAL}
        rows = [row.but(pair=where.get(row.group, "")) if row.fake else row for row in rows]
        if {row.split for row in rows} == {TRAIN}:  # a set that is all "train" is not split
            rows = [row.but(split="") for row in rows]
        return rows


def _metadata(dataset: Path) -> Iterator[Path]:
    if dataset.is_dir():
        yield from (dataset / METADATA,) if (dataset / METADATA).is_file() else ()
        yield from sorted(dataset.glob(f"*/{METADATA}"))


def _part(file: Path, folder: Path, remarks: Remarks) -> Iterator[Row]:
    where = (folder / METADATA).as_posix()
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        remarks.fault(f"unreadable {METADATA}", f"{where} ({error})")
        return
    try:
        known = _ENTRIES.validate_python(entries)
    except ValidationError as error:
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            remarks.fault(f"odd entries in {METADATA}", f"{where}: {name}: {fault['msg']}")
        return
    for name, entry in sorted(known.items()):
        yield Row(
            (folder / name).as_posix(),
            FAKE if entry.label == "FAKE" else REAL,
            group=entry.original or name,
            split=entry.split if entry.split in SPLITS else "",
        )
