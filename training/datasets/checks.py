"""What a data set must have: files that are there, and enough of each label."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..run.recipe import Recipe
from .grouped import FEWEST
from .media import fault_of
from .remarks import Remarks
from .rows import FAKE, REAL, SPLITS, TEST, VAL, Row

FEWEST_GROUPS = 2  # of each split: one person says nothing about others
LABELS = {REAL: "real", FAKE: "fake"}


def check_files(root: Path, rows: Sequence[Row], remarks: Remarks) -> None:
    """Cheap checks: every path is below the data set, exists, is named like a video or image, and
    is listed once."""
    for path in dict.fromkeys(row.path for row in rows):
        if fault := fault_of(root, path):
            remarks.fault(*fault)
    for name, count in Counter(row.name for row in rows).items():
        if count > 1:
            remarks.fault("files listed more than once", name)


def check_labels(rows: Sequence[Row], *, forge: bool, fewest: int, remarks: Remarks) -> None:
    """Check that both labels are there, or can be made."""
    counts = Counter(row.label for row in rows)
    forgeable = forge and not counts[FAKE]
    for label, name in LABELS.items():
        if counts[label] >= fewest or (label == FAKE and forgeable):
            continue
        way_out = "; --forge makes fakes of reals" if label == FAKE and not counts[FAKE] else ""
        text = f"{counts[label]}, and at least {fewest} are needed{way_out}"
        remarks.fault(f"too few {name} videos or images that can be used", text)


def check_for_training(rows: Sequence[Row], recipe: Recipe, remarks: Remarks) -> None:
    """Check that there is enough of each label to be split, or a split to be taken as given."""
    fewest = sum(FEWEST.values())
    check_labels(rows, forge=recipe.forge, fewest=fewest, remarks=remarks)
    if recipe.split == "given" and not {row.split for row in rows} & {VAL, TEST}:
        remarks.fault("no split to take as given", "the data set names none; use --split auto")


def check_for_evaluation(rows: Sequence[Row], split: str | None, remarks: Remarks) -> None:
    """Check that each label has enough to be compared, within the split if one is named."""
    judged = [row for row in rows if not split or row.split == split]
    if split and not judged:
        found = ", ".join(sorted({row.split for row in rows if row.split})) or "none"
        remarks.fault("no such split", f"{split}; the data set has: {found}")
        return
    check_labels(judged, forge=False, fewest=FEWEST[TEST], remarks=remarks)


def check_splits(rows: Sequence[Row], remarks: Remarks) -> None:
    """Check that each split has a few of each label, and more than one group."""
    for split in SPLITS:
        inside = [row for row in rows if row.split == split]
        counts = Counter(row.label for row in inside)
        groups = len({row.group for row in inside})
        if min(counts[REAL], counts[FAKE]) < FEWEST[split] or groups < FEWEST_GROUPS:
            remarks.fault("splits with too little in them", _describe(split, counts, groups))


def _describe(split: str, counts: Mapping[int, int], groups: int) -> str:
    return (
        f"{split} has {counts[REAL]} real and {counts[FAKE]} fake of {groups} groups and needs "
        f"{FEWEST[split]} of each and {FEWEST_GROUPS} groups: add more people or videos"
    )
