"""The known layouts of data sets, and which of them a path has."""

from pathlib import Path
from typing import Protocol

from ...storage.errors import UserError
from .celeb_df import CelebDf
from .dfdc import Dfdc
from .faceforensics import FaceForensics
from .remarks import Remarks
from .rows import Row
from .table import CsvTable
from .tree import Tree


class Layout(Protocol):
    """One way in which a data set is arranged on disk."""

    @property
    def name(self) -> str:
        """The layout's name."""
        ...

    @property
    def needs(self) -> str:
        """How it is recognised, in words."""
        ...

    def recognises(self, dataset: Path) -> bool:
        """Whether this file or folder looks like it."""
        ...

    def read(self, dataset: Path, remarks: Remarks) -> list[Row]:
        """One row for each video or image, by names alone. Anything odd is added to `remarks`.

        Paths are below `root_of(dataset)`. A split is "" where the data set names none.
        """
        ...


# The first that recognises a data set reads it. CsvTable is before Tree: a table knows more.
LAYOUTS: tuple[Layout, ...] = (CelebDf(), FaceForensics(), Dfdc(), CsvTable(), Tree())


def find_layout(dataset: Path) -> Layout:
    """The layout of a data set. Raises `UserError` that lists the known ones."""
    if not dataset.exists():
        raise UserError(f"there is no {dataset}; pass a folder, a CSV or a zip of face images")
    for layout in LAYOUTS:
        if layout.recognises(dataset):
            return layout
    known = "; ".join(f"{layout.name}: {layout.needs}" for layout in LAYOUTS)
    raise UserError(f"{dataset} is no data set that is known. Arrange it as one of: {known}")


def root_of(dataset: Path) -> Path:
    """The folder that a data set's paths are below, with links resolved."""
    folder = dataset if dataset.is_dir() else dataset.parent
    return folder.resolve()
