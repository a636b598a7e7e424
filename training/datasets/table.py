"""A CSV with one line per video or image: a file, one in a folder, or one in or beside a zip.

Columns: `path`, or `file` with an optional `archive`; `label`; and optionally `group`, `donor`,
`split`, `method`, `pair` and `forge`. Paths are below the CSV's folder. A column `kind` that says
more than video or image (as in `clips.csv`: swap, lip_sync) is taken as the method instead of the
column `method`: it is the coarser one, and a figure for a method needs several videos of it.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...storage.errors import UserError
from .media import ARCHIVE_SUFFIX, kind_of
from .remarks import Remarks
from .rows import FAKE, IMAGE, REAL, SPLITS, VIDEO, Row

SUFFIX = ".csv"
LABELS = {"fake": FAKE, "0": FAKE, "real": REAL, "1": REAL}
KINDS = frozenset({"", VIDEO, IMAGE})

CsvLine = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Source:
    """A CSV, the prefix of its paths, and the only archive that counts ("": all)."""

    name: str
    text: str
    prefix: str = ""
    archive: str = ""


class CsvTable:
    """Uses what the columns say and nothing else."""

    name = "table"
    needs = "a CSV with the columns path and label, a folder with one, or a zip of images with one"

    def recognises(self, dataset: Path) -> bool:
        """Whether it is such a CSV, or a folder or zip with one in it or beside it."""
        return bool(_sources(dataset))

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """One row per line. Raises `UserError` when several CSVs could be meant."""
        sources = _sources(dataset)
        if len(sources) > 1:
            names = ", ".join(source.name for source in sources)
            raise UserError(f"{dataset} has several CSVs ({names}); pass the CSV itself")
        return list(_rows(sources[0], remarks))


def _sources(dataset: Path) -> list[_Source]:
    """The CSVs that could be meant."""
    if dataset.is_dir():
        return _in_folder(dataset)
    if dataset.suffix.lower() == SUFFIX:
        found = _Source(dataset.name, _text(dataset.read_bytes()))
        return [found] if _is_table(found.text) else []
    if dataset.suffix.lower() == ARCHIVE_SUFFIX and zipfile.is_zipfile(dataset):
        beside = _in_folder(dataset.parent, archive=dataset.name)
        return _in_zip(dataset) or beside
    return []


def _in_folder(folder: Path, archive: str = "") -> list[_Source]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() == SUFFIX]
    found = (_Source(f.name, _text(f.read_bytes()), "", archive) for f in files if f.is_file())
    return [source for source in found if _is_table(source.text)]


def _in_zip(file: Path) -> list[_Source]:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(SUFFIX)]
        found = [
            _Source(name, _text(archive.read(name)), str(PurePosixPath(file.name, name).parent))
            for name in sorted(names)
        ]
    return [source for source in found if _is_table(source.text)]


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")


def _is_table(text: str) -> bool:
    columns = set(_columns(text))
    return "label" in columns and bool(columns & {"path", "file"})


def _columns(text: str) -> list[str]:
    header = next(csv.reader(io.StringIO(text)), [])
    return [name.strip().lower() for name in header]


def _rows(source: _Source, remarks: Remarks) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(source.text, newline=""), _columns(source.text))
    next(reader)  # the header
    for record in reader:
        line = {name: (value or "").strip() for name, value in record.items() if name is not None}
        path = _path(line, source)
        if source.archive and not path.startswith(f"{source.archive}/"):
            continue
        if fault := _fault(path, line):
            remarks.fault(fault[0], f"line {reader.line_num}{fault[1]}")
        else:
            yield _row(path, line)


def _fault(path: str, line: CsvLine) -> tuple[str, str] | None:
    """What is wrong with a line, and where in it."""
    label, forge = line["label"], line.get("forge", "")
    if not path:
        return "lines without a path", ""
    if label.lower() not in LABELS:
        return "labels that are neither real (1) nor fake (0)", f": {label!r}"
    if forge and not (forge.isascii() and forge.isdigit()):
        return "seeds in the column forge that are no numbers", f": {forge!r}"
    return None


def _path(line: CsvLine, source: _Source) -> str:
    path = line.get("path") or line.get("file", "")
    if not path:
        return ""
    parts = [source.prefix, "" if line.get("path") else line.get("archive", ""), path]
    return "/".join(part for part in parts if part)


def _row(path: str, line: CsvLine) -> Row:
    split, kind = line.get("split", "").lower(), line.get("kind", "").lower()
    return Row(
        path,
        LABELS[line["label"].lower()],
        group=line.get("group") or path,
        donor=line.get("donor", ""),
        split=split if split in SPLITS else "",
        kind=kind_of(path) or VIDEO,
        method=line.get("method", "") if kind in KINDS else line.get("kind", ""),
        pair=line.get("pair", ""),
        forge=int(line.get("forge") or 0),
    )
