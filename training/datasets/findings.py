"""What was found out about a data set: counts, duplicates, leaks and warnings."""

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from .duplicates import IndexPair
from .exact import SAME_BYTES
from .leakage import find_leaks
from .remarks import NAMED, Remarks
from .rows import FAKE, SPLITS, UNUSED, Row
from .splits import APART, LEFT_OUT, NEAR

UNREADABLE = "can't be read"
OTHER_SPLIT = "not in the split"
_REASONS = {
    OTHER_SPLIT: "in another of its splits",
    SAME_BYTES: "the same bytes as another",
    APART: APART,
    LEFT_OUT: LEFT_OUT,
    NEAR: "nearly the same as one in a split that judges",
}
LABEL_NAMES = ("fake", "real")


class Duplicates(BaseModel):
    """Copies, counted; at most twenty are named. Forged copies don't count."""

    model_config = ConfigDict(frozen=True)

    exact: int = 0  # rows unused because an earlier one has the same bytes
    exact_examples: list[tuple[str, str]] = []
    near_within_label: int = 0  # pairs
    near_across_labels: int = 0  # such as a fake and the real that it was made from
    near_examples: list[tuple[str, str]] = []


class Findings(BaseModel):
    """The findings about one index. A run keeps them as JSON (`model_dump_json()`)."""

    model_config = ConfigDict(frozen=True)

    layout: str
    rows: int
    counts: dict[str, dict[str, int]]  # by split, then by label
    groups: dict[str, int]  # by split
    label_distribution: dict[str, float]  # shares of the rows in use
    imbalance: float  # rows of the commoner label per row of the rarer; 0: one label only
    split_rule: str  # in words
    unused: dict[str, int]  # by reason
    unreadable: dict[str, str]  # why, by path
    duplicates: Duplicates
    warnings: list[str]
    leaks: list[str]  # empty unless a leaking split was asked for


def find(
    layout: str, rows: Sequence[Row], near: Sequence[IndexPair], rule: str, remarks: Remarks
) -> Findings:
    """Count rows and look for leaks. `near` are places of near duplicates in `rows`."""
    used = [row for row in rows if row.split in SPLITS]
    labels = Counter(_label(row) for row in used)
    rarer, commoner = sorted(labels[name] for name in LABEL_NAMES)
    unused = [row for row in rows if row.split == UNUSED]
    return Findings(
        layout=layout,
        rows=len(rows),
        counts={split: _counts(used, split) for split in SPLITS},
        groups={s: len({row.group for row in used if row.split == s}) for s in SPLITS},
        label_distribution={n: labels[n] / max(len(used), 1) for n in LABEL_NAMES},
        imbalance=commoner / rarer if rarer else 0.0,
        split_rule=rule,
        unused=dict(Counter(_reason(row) for row in unused)),
        unreadable={row.path: row.note for row in unused if _reason(row) == UNREADABLE},
        duplicates=_duplicates(rows, near),
        warnings=list(remarks.warnings),
        leaks=find_leaks(rows, near),
    )


def _counts(rows: Sequence[Row], split: str) -> dict[str, int]:
    counts = Counter(_label(row) for row in rows if row.split == split)
    return {name: counts[name] for name in LABEL_NAMES}


def _label(row: Row) -> str:
    return LABEL_NAMES[0] if row.label == FAKE else LABEL_NAMES[1]


def _reason(row: Row) -> str:
    matching = (words for note, words in _REASONS.items() if row.note.startswith(note))
    return next(matching, UNREADABLE)


def _duplicates(rows: Sequence[Row], near: Sequence[IndexPair]) -> Duplicates:
    exact = [row for row in rows if row.note.startswith(SAME_BYTES)]
    across = sum(rows[i].label != rows[j].label for i, j in near)
    return Duplicates(
        exact=len(exact),
        exact_examples=[(r.path, r.note.removeprefix(SAME_BYTES)) for r in exact[:NAMED]],
        near_within_label=len(near) - across,
        near_across_labels=across,
        near_examples=[(rows[i].path, rows[j].path) for i, j in near[:NAMED]],
    )


def in_words(findings: Findings) -> str:
    """A short text for the terminal."""
    lines = [f"layout: {findings.layout}; split: {findings.split_rule}"]
    for split, counts in findings.counts.items():
        lines.append(
            f"  {split:<5} {counts['real']:>7} real  {counts['fake']:>7} fake  "
            f"{findings.groups[split]:>6} groups"
        )
    if findings.unused:
        unused = ", ".join(f"{count} ({why})" for why, count in findings.unused.items())
        lines.append(f"  not used: {unused}")
    shares = ", ".join(f"{share:.1%} {n}" for n, share in findings.label_distribution.items())
    lines.append(f"labels: {shares}; {findings.imbalance:.2f} to 1")
    lines += [f"warning: {warning}" for warning in findings.warnings]
    lines += [f"leak: {leak}" for leak in findings.leaks[:NAMED]]
    if len(findings.leaks) > NAMED:
        lines.append(f"leak: {len(findings.leaks) - NAMED} more")
    return "\n".join(lines)
