"""The result of one delivery."""

from dataclasses import dataclass

from ...storage.errors import DdaemonError


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Whether a target accepted the notice; `text` says what it answered, without secrets."""

    ok: bool
    text: str
    final: bool = False  # no use trying again
    retry_after: float | None = None  # seconds that the target asked for


class NotDelivered(DdaemonError):
    """A delivery that could not even begin; the message stands for the answer."""
