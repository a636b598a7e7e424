"""Files with the same bytes: under one label only the first counts, under two it is a fault."""

from collections.abc import Sequence

from .remarks import Remarks
from .rows import UNUSED, Row

SAME_BYTES = "the same bytes as "


def set_copies_aside(rows: Sequence[Row], remarks: Remarks) -> list[Row]:
    """All rows; those with the bytes of an earlier one become unused. Forged ones are no copies."""
    first: dict[str, Row] = {}
    result = []
    for row in rows:
        if not row.sha256 or row.forge or row.split == UNUSED:
            result.append(row)
            continue
        original = first.setdefault(row.sha256, row)
        if original.label != row.label:
            remarks.fault("the same bytes labelled real and fake", f"{original.path} = {row.path}")
        copy = original is not row
        note = f"{SAME_BYTES}{original.path}"
        result.append(row.but(split=UNUSED, note=note) if copy else row)
    return result
