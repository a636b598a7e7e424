"""A plain tree: a folder `real` and a folder `fake`, with anything below."""

from pathlib import Path

from .media import kind_of, media_below
from .remarks import Remarks
from .rows import FAKE, REAL, Row

LABELS = {"real": REAL, "reals": REAL, "fake": FAKE, "fakes": FAKE}


class Tree:
    """Who is in a file is not known: each file is a group of its own."""

    name = "plain tree"
    needs = "folders real and fake (either may be missing where that is enough)"

    def recognises(self, dataset: Path) -> bool:
        """Whether there is such a folder, its name in upper or lower case."""
        return bool(_folders(dataset))

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """One row per video or image, at any depth."""
        remarks.warn(
            "Nothing says who is in a file, so one person may be in two splits; "
            "a CSV with the columns path, label and group would tell."
        )
        return [
            Row(path, label, group=path, kind=kind_of(path))
            for folder, label in _folders(dataset)
            for path in (p.relative_to(dataset).as_posix() for p in media_below(folder))
        ]


def _folders(dataset: Path) -> list[tuple[Path, int]]:
    if not dataset.is_dir():
        return []
    return [
        (folder, LABELS[folder.name.lower()])
        for folder in sorted(dataset.iterdir())
        if folder.is_dir() and folder.name.lower() in LABELS
    ]
