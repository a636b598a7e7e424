"""Celeb-DF, versions 1 and 2 (Li et al., CVPR 2020)."""

import re
from pathlib import Path

from .media import media_below
from .remarks import Remarks
from .rows import FAKE, REAL, TEST, Row

REAL_FOLDER, FAKE_FOLDER, YOUTUBE_FOLDER = "Celeb-real", "Celeb-synthesis", "YouTube-real"
TEST_LIST = "List_of_testing_videos.txt"
_REAL_NAME = re.compile(r"(id\d+)_(\d+)")
_FAKE_NAME = re.compile(r"(id\d+)_(id\d+)_(\d+)")
_ODD_NAMES = "names that don't say who is in the video"


class CelebDf:
    """`id3_0007.mp4` is real and shows id3; in `id3_id5_0007.mp4` id3 wears the face of id5."""

    name = "Celeb-DF"
    needs = f"folders {REAL_FOLDER} and {FAKE_FOLDER}, also {YOUTUBE_FOLDER} and {TEST_LIST}"

    def recognises(self, dataset: Path) -> bool:
        """Whether one of its two main folders is there."""
        return (dataset / REAL_FOLDER).is_dir() or (dataset / FAKE_FOLDER).is_dir()

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """Each celebrity is a group, and so is each YouTube video."""
        rows = [row for read in (_real, _fake, _youtube) for row in read(dataset, remarks)]
        tests = _test_labels(dataset / TEST_LIST, remarks)
        for row in rows:
            if tests.get(row.path, row.label) != row.label:
                remarks.fault("labels that contradict the folder", f"{row.path} in {TEST_LIST}")
        return [row.but(split=TEST) if row.path in tests else row for row in rows]


def _real(dataset: Path, remarks: Remarks) -> list[Row]:
    rows = []
    for path in _files(dataset, REAL_FOLDER):
        if found := _REAL_NAME.fullmatch(Path(path).stem):
            rows.append(Row(path, REAL, found[1]))
        else:
            remarks.fault(_ODD_NAMES, path)
    return rows


def _fake(dataset: Path, remarks: Remarks) -> list[Row]:
    rows = []
    for path in _files(dataset, FAKE_FOLDER):
        if found := _FAKE_NAME.fullmatch(Path(path).stem):
            original = f"{REAL_FOLDER}/{found[1]}_{found[3]}{Path(path).suffix}"
            pair = original if (dataset / original).is_file() else ""
            rows.append(Row(path, FAKE, found[1], found[2], method=FAKE_FOLDER, pair=pair))
        else:
            remarks.fault(_ODD_NAMES, path)
    return rows


def _youtube(dataset: Path, remarks: Remarks) -> list[Row]:
    return [Row(path, REAL, path) for path in _files(dataset, YOUTUBE_FOLDER)]


def _files(dataset: Path, folder: str) -> list[str]:
    return [path.relative_to(dataset).as_posix() for path in media_below(dataset / folder)]


def _test_labels(file: Path, remarks: Remarks) -> dict[str, int]:
    """The label of each video on the list, which says 1 for real, as ddaemon does."""
    labels: dict[str, int] = {}
    if not file.is_file():
        return labels
    text = file.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        label, _, path = line.strip().partition(" ")
        if label in ("0", "1") and path:
            labels[path.strip()] = int(label)
        elif line.strip():
            remarks.fault(f"odd lines in {TEST_LIST}", f"line {number}: {line.strip()!r}")
    return labels
