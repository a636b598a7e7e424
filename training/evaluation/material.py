"""What a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...storage.detector_record import EnvelopeRecord
from ..datasets.rows import Row
from .judged import Judged
from .training_plots import Epoch


@dataclass(frozen=True, slots=True)
class ReportMaterial:
    """What a report is made of. Parts that are empty are left out of the page."""

    title: str
    made_by: str  # the command, without machine paths
    judged: Sequence[Judged]  # one or several, over one or several data sets
    findings: Mapping[str, Any]  # of the index; without "leaks", none were looked for
    rows: Sequence[Row]  # for the diagram of labels; may be empty
    curves: Sequence[Epoch]  # may be empty
    trials: Sequence[Mapping[str, Any]]  # {"settings": {...}, "score": float}; may be empty
    recipe: Mapping[str, Any]  # may be empty
    seed_protocol: Mapping[str, Any] | None  # {"seed": {...}, "sound": {...}, "why": [...]}
    notes: Sequence[str]  # sentences that must be read
    envelope: EnvelopeRecord | None = None  # learned by the run
