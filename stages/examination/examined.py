"""The record's fields about the stage `examine`, even where it found nothing or did not run."""

from collections.abc import Mapping
from typing import Any

UNOPENED = "The file could not be opened as a video, so no manifest was looked for."
SKIPPED = "The stage examine is not in `stages`, so no manifest was looked for."


def examined(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`examination` and `provenance`, from the facts of the chain."""
    ran = any(timing.name == "examine" for timing in facts["timings"])
    return {
        "examination": facts.get("examination"),
        "provenance": facts.get("provenance") or unread(UNOPENED if ran else SKIPPED),
    }


def unread(why: str) -> dict[str, Any]:
    """The provenance of a file in which no manifest was looked for."""
    return {
        "state": "not_supported",
        "detail": why,
        "claim_generator": None,
        "signed_by": None,
        "signed_at": None,
    }
