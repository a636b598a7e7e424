"""Reads a record that anybody may have written: what the types promise is checked, unknown items
are dropped, and whatever is wrong is said in words."""

import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ..storage.errors import DdaemonError
from .schema import (
    CustodyEntry,
    CustodyRecord,
    OutcomeRecord,
    PublishableRecord,
    VerifiableRecord,
)

Kind = TypeVar("Kind")

MARK_OF_FORMAT_1 = b'"format": 1,'
MARK_WITHIN = 32  # bytes from the start


class RecordDamaged(DdaemonError):
    """The record lacks what every record has."""


def adapter_of(kind: type[Kind]) -> TypeAdapter[Kind]:
    """Pydantic's view of a type of the record."""
    with warnings.catch_warnings():
        # A parsed record is a plain dictionary: that an item is read-only is for mypy to hold.
        warnings.filterwarnings("ignore", message=".*`ReadOnly` qualifier", category=UserWarning)
        return TypeAdapter(kind)


CUSTODY = adapter_of(CustodyRecord)
PUBLISHABLE = adapter_of(PublishableRecord)
OUTCOME = adapter_of(OutcomeRecord)
VERIFIABLE = adapter_of(VerifiableRecord)


def parse_record(raw: bytes) -> VerifiableRecord:
    """Read a closed record. Raises `RecordDamaged` in words."""
    return _checked(lambda: VERIFIABLE.validate_json(raw, strict=True))


def parse_outcome(raw: bytes) -> OutcomeRecord:
    """Read a record that may not be closed yet. Raises `RecordDamaged` in words."""
    return _checked(lambda: OUTCOME.validate_json(raw, strict=True))


def parse_custody(raw: bytes) -> Sequence[CustodyEntry]:
    """Read only who had the file, of a record of either format; empty where it does not say.
    Raises `RecordDamaged` in words."""
    return _checked(lambda: CUSTODY.validate_json(raw, strict=True)).get("custody", ())


def check_publishable(value: object) -> PublishableRecord:
    """What the publisher needs of a record, once its JSON is read. Raises `RecordDamaged`."""
    return _checked(lambda: PUBLISHABLE.validate_python(value, strict=True))


def is_format_1(raw: bytes) -> bool:
    """Whether this is a record of the format that listed neither its files nor its settings."""
    return MARK_OF_FORMAT_1 in raw[:MARK_WITHIN]


def _checked(parse: Callable[[], Kind]) -> Kind:
    try:
        return parse()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordDamaged(f"{where}: {first['msg']}" if where else first["msg"]) from error
