"""A context for one stage alone: what the chain would hand to it."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ddaemon.stages.base import Context, Subject
from ddaemon.stages.settings import StageSettings

CROP = 128  # pixels


def stage_context(
    video: Path,
    work: Path,
    facts: Mapping[str, Any] | None = None,
    progress: list[float] | None = None,
    crop: str = "landmark_hull",
    detector: Any = None,
    **tables: Any,
) -> Context:
    """`crop` is what the detector learned on; `tables` are those of `ddaemon.toml`, such as
    frames={"count": 8}. `detector` stands for one that only says what it learned on."""
    learned = SimpleNamespace(side=1.10, kind=crop)
    now = "2026-01-01T00:00:00.000Z"
    subject = Subject(name=video.name, sha256="0" * 64, bytes=1, received_at=now, started_at=now)
    record = SimpleNamespace(preprocessing=SimpleNamespace(size=CROP, crop=learned))
    return Context(
        video=video,
        work=work,
        subject=subject,
        settings=StageSettings.model_validate(tables),
        detector=detector or SimpleNamespace(record=record),
        facts=facts or {},
        progress=(progress if progress is not None else []).append,
    )
