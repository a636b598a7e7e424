"""The provenance in the record, also where the stage `examine` found nothing or did not run."""

from collections.abc import Mapping
from typing import Any

from ...record.schema import ProvenancePart

UNOPENED = "The file could not be opened as a video, so no manifest was looked for."
SKIPPED = "The stage examine is not in `stages`, so no manifest was looked for."


def provenance_of(facts: Mapping[str, Any]) -> ProvenancePart:
    """From the facts of the chain; the reason where no manifest was looked for."""
    found: ProvenancePart | None = facts.get("provenance")
    ran = any(timing.name == "examine" for timing in facts["timings"])
    return found or unread(UNOPENED if ran else SKIPPED)


def unread(why: str) -> ProvenancePart:
    """The provenance of a file in which no manifest was looked for."""
    return {
        "state": "not_supported",
        "detail": why,
        "claim_generator": None,
        "signed_by": None,
        "signed_at": None,
    }
