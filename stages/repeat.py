"""What a record holds so that somebody can repeat it: the settings, and the file's way so far."""

from typing import Any

from .base import Subject
from .settings import StageSettings

Record = dict[str, Any]


def repeatable_settings(settings: StageSettings) -> Record:
    """The settings of the stages, as `StageSettings` reads them again.

    Tables of plugins that are not in the chain stay out: they had no part in the verdict.
    """
    plugins = {name: table for name, table in settings.plugins.items() if name in settings.stages}
    return settings.model_copy(update={"plugins": plugins}).model_dump(mode="json")


def known_custody(subject: Subject, decision: str, judged_at: str) -> list[Record]:
    """What is known of the file's way when the verdict is written, oldest first."""
    received = f"{subject.name}, {subject.bytes} bytes, SHA-256 {subject.sha256}"
    return [
        {"at": subject.received_at, "what": "received", "detail": received},
        {
            "at": subject.started_at,
            "what": "attempt started",
            "detail": f"attempt {subject.attempts}",
        },
        {"at": judged_at, "what": "judged", "detail": decision},
    ]
