"""What came of one delivery."""

from dataclasses import dataclass

from ...storage.errors import DdaemonError


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What a target said, in words without secrets."""

    ok: bool
    text: str
    final: bool = False  # trying again is of no use
    retry_after: float | None = None  # seconds that the target asked for


class NotDelivered(DdaemonError):
    """A delivery that could not even begin; the message is the answer."""
