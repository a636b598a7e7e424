"""What `ddaemon verify` reads of a `verdict.json`, which may have been written by anybody."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..storage.errors import DdaemonError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RecordDamaged(DdaemonError):
    """The record lacks what every record has."""


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


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


class Sealed(Part):
    """A record of format 2."""

    format: Literal[2]
    job: str | None
    input: InputPart
    decision: str
    reason: str | None
    probability: float | None
    thresholds: dict[str, Any]
    faces: list[FacePart]
    detector: DetectorPart
    software: dict[str, str]
    settings: dict[str, Any]
    custody: list[CustodyPart]
    files: dict[str, Sha256]


def parse_record(raw: bytes) -> Sealed:
    """Read a record. Raises `RecordDamaged` in words."""
    try:
        return Sealed.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordDamaged(f"{where}: {first['msg']}" if where else first["msg"]) from error
