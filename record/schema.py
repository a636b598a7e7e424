"""What is read of a `verdict.json` that may have been written by anybody: before it is published,
and by `ddaemon verify`."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..storage.errors import DdaemonError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RecordDamaged(DdaemonError):
    """The record lacks what every record has."""


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


Kind = TypeVar("Kind", bound=Part)


class InputPart(Part):
    name: str
    sha256: Sha256


class DetectorPart(Part):
    name: str
    version: str
    sha256: Sha256


class CustodyPart(Part):
    at: str
    what: str
    detail: str


class FramePart(Part):
    t: float
    box: list[int]
    score: float


class FacePart(Part):
    track: int
    probability: float
    frames: list[FramePart]


class Judged(Part):
    """What every record of format 2 has before it is closed."""

    format: Literal[2]
    job: str | None
    input: InputPart
    decision: str
    reason: str | None
    probability: float | None
    detector: DetectorPart
    custody: list[CustodyPart]


class Sealed(Judged):
    """A record of format 2."""

    thresholds: dict[str, Any]
    faces: list[FacePart]
    software: dict[str, str]
    settings: dict[str, Any]
    files: dict[str, Sha256]


def parse_record(raw: bytes) -> Sealed:
    """Read a record. Raises `RecordDamaged` in words."""
    return _parsed(Sealed, raw)


def parse_judged(raw: bytes) -> Judged:
    """Read a record that may not be closed yet. Raises `RecordDamaged` in words."""
    return _parsed(Judged, raw)


def _parsed(kind: type[Kind], raw: bytes) -> Kind:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordDamaged(f"{where}: {first['msg']}" if where else first["msg"]) from error
