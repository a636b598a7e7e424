"""From a path that a user names to a checked and split index of the data there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.recipe import Recipe
from .checks import check_files, check_for_evaluation, check_for_training, check_splits
from .duplicates import IndexPair, near_pairs
from .exact import set_copies_aside
from .findings import OTHER_SPLIT, UNREADABLE, Findings, find, in_words
from .fingerprint import Fingerprint
from .layouts import find_layout, root_of
from .measuring import File, measure
from .remarks import Remarks, name_some
from .rows import FAKE, REAL, SPLITS, TEST, TRAIN, UNUSED, Row
from .splits import decide_splits, shares_of

Measuring = Callable[[Path, Sequence[File]], dict[str, Fingerprint]]

EVALUATION_RULE = "none: everything is judged"
FORGED = "self-blended"
FORGE_BITS = 31  # of the content's digest: the seed of a forged copy


@dataclass(frozen=True, slots=True)
class Index:
    """A data set as training uses it."""

    root: Path  # the rows' paths are below it
    layout: str  # its name
    rows: list[Row]  # shuffled by the seed; an unusable row has split "unused" and a note
    findings: Findings


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read and measured, before any split is decided; `near` are places in `rows`."""

    layout: str
    rows: list[Row]
    near: list[IndexPair]


def build_index(
    dataset: Path,
    recipe: Recipe,
    cache: Path,
    journal: Journal,
    progress: ProgressCallback,
    workers: int,
) -> Index:
    """Read, check, measure and split a data set.

    Args:
        cache: a file that keeps what was measured, for the next run after an interrupted one.
        journal: records every file that is newly measured.
        workers: processes that measure.

    Raises `UserError` that lists all faults at once, the cheap ones before anything is measured.
    """
    remarks = Remarks()
    measuring = partial(measure, cache=cache, journal=journal, progress=progress, workers=workers)
    shares_of(recipe)  # raises before anything is measured
    check = partial(check_for_training, recipe=recipe, remarks=remarks)
    read = _read(dataset, remarks, measuring, check)
    rows, rule = _split(read, recipe, remarks)
    rows = _with_forged(rows) if recipe.forge else rows
    check_splits(rows, remarks)
    remarks.raise_faults(dataset)
    findings = find(read.layout, rows, read.near, rule, remarks)
    return Index(root_of(dataset), read.layout, _shuffled(rows, recipe.seed), findings)


def build_evaluation_index(
    dataset: Path,
    seed: int,
    cache: Path,
    journal: Journal,
    progress: ProgressCallback,
    workers: int,
    split: str | None = None,
) -> Index:
    """The same for a data set to evaluate detectors on: every usable row is in the test part.

    Args:
        split: use only what the data set itself assigns to this split.

    Raises `UserError` as `build_index` does, and for a data set with only one label.
    """
    remarks = Remarks()
    measuring = partial(measure, cache=cache, journal=journal, progress=progress, workers=workers)
    check = partial(check_for_evaluation, split=split, remarks=remarks)
    read = _read(dataset, remarks, measuring, check)
    rows = [_judged(row, split) for row in read.rows]
    rule = f"only its own split {split}" if split else EVALUATION_RULE
    findings = find(read.layout, rows, read.near, rule, remarks)
    return Index(root_of(dataset), read.layout, _shuffled(rows, seed), findings)


def describe(index: Index) -> str:
    """A short text for the terminal: layout, counts, imbalance, warnings, leaks."""
    return in_words(index.findings)


def _read(
    dataset: Path, remarks: Remarks, measuring: Measuring, check: Callable[[Sequence[Row]], None]
) -> _Read:
    """`check` is called on all rows before anything is measured, then on the usable ones."""
    layout = find_layout(dataset)
    root = root_of(dataset)
    rows = layout.read(dataset, remarks)
    check_files(root, rows, remarks)
    check(rows)
    remarks.raise_faults(dataset)
    measured = measuring(root, [(row.path, row.kind) for row in rows])
    rows = [_measured(row, measured[row.path]) for row in rows]
    _warn_of_unreadable(rows, remarks)
    rows = set_copies_aside(rows, remarks)
    check([row for row in rows if row.split != UNUSED])
    remarks.raise_faults(dataset)
    looks = ["" if r.split == UNUSED or r.forge else measured[r.path].looks for r in rows]
    return _Read(layout.name, rows, near_pairs(looks))


def _measured(row: Row, measured: Fingerprint) -> Row:
    row = row.but(
        sha256=measured.sha256,
        bytes=measured.bytes,
        width=measured.width,
        height=measured.height,
        seconds=measured.seconds,
        bits_per_pixel=measured.bits_per_pixel,
    )
    return row.but(split=UNUSED, note=measured.fault) if measured.fault else row


def _judged(row: Row, split: str | None) -> Row:
    if row.split == UNUSED:
        return row
    if split and row.split != split:
        return row.but(split=UNUSED, note=f"{OTHER_SPLIT} {split}")
    return row.but(split=TEST)


def _warn_of_unreadable(rows: Sequence[Row], remarks: Remarks) -> None:
    broken = [f"{row.path} ({row.note})" for row in rows if row.split == UNUSED]
    if broken:
        remarks.warn(f"{len(broken)} files {UNREADABLE} and are left out: {name_some(broken)}.")


def _split(read: _Read, recipe: Recipe, remarks: Remarks) -> tuple[list[Row], str]:
    """All rows with a split, and the rule in words."""
    used = [place for place, row in enumerate(read.rows) if row.split != UNUSED]
    where = {place: number for number, place in enumerate(used)}
    near = [(where[one], where[other]) for one, other in read.near]
    decided, rule = decide_splits([read.rows[place] for place in used], near, recipe, remarks)
    rows = list(read.rows)
    for place, row in zip(used, decided, strict=True):
        rows[place] = row
    return rows, rule


def _with_forged(rows: Sequence[Row]) -> list[Row]:
    """All rows, and forged copies of reals in the same split. Where there are fakes, only for
    training: figures should be about those fakes."""
    splits = (TRAIN,) if any(row.fake for row in rows) else SPLITS
    known = {row.name for row in rows}
    copies = (_forged(row) for row in rows if row.label == REAL and row.split in splits)
    return [*rows, *(copy for copy in copies if copy.name not in known)]


def _forged(row: Row) -> Row:
    seed = int(row.sha256, 16) % (2**FORGE_BITS - 1) + 1
    return row.but(label=FAKE, forge=seed, method=FORGED, pair=row.path)


def _shuffled(rows: list[Row], seed: int) -> list[Row]:
    return [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
