"""Whether the disk has any room to work."""

import shutil
from pathlib import Path

LEAST_BYTES = 1_000_000  # no attempt can finish with less


def space_shortage(folder: Path) -> str | None:
    """Why no work can be done in this folder, in words; None when there is room."""
    free = shutil.disk_usage(folder).free
    if free >= LEAST_BYTES:
        return None
    return (
        f"the disk of {folder} is full ({free // 1000} kB are free); "
        "no job is begun until it has room"
    )
