"""The notices about an ended job, and their targets: from the settings to rows of `notices`."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from ...record.file import read_record
from ...record.schema import PublishableRecord
from ...storage.notices import plan
from ...storage.queue import JobRow
from ...storage.states import State
from ...storage.times import iso
from ..home.config import NotifySettings
from ..publishing.names import folder_name
from .chat import Chat
from .command import Command
from .delivery_result import DeliveryResult
from .webhook import Webhook

FORMAT = 1


class Target(Protocol):
    """A receiver of notices. `key` names it in the database, `label` to people: neither holds a
    secret."""

    key: str
    label: str

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        """Try once; never raises for what the target does. `attempt` counts from 1."""
        ...

    def check(self) -> None:
        """Raise `NotDelivered` or `AddressRefused` when no delivery could begin."""
        ...


def targets_of(
    settings: NotifySettings,
    outbox: Path,
    quarantine: Path,
    *,
    clock: Callable[[], float] = time.time,
) -> list[Target]:
    """Every configured target."""
    found: list[Target] = []
    if settings.command:
        found.append(Command(settings.command, outbox, quarantine, timeout=settings.timeout))
    if settings.webhook:
        found.append(
            Webhook(
                settings.webhook,
                Path(settings.secret_file).expanduser(),
                timeout=settings.timeout,
                allow_private=settings.allow_private,
                clock=clock,
            )
        )
    found += [Chat(url, allow_private=settings.allow_private) for url in settings.apprise]
    return found


class Planner:
    """Writes the notices of a job that ends, in the transaction that ends it."""

    def __init__(self, settings: NotifySettings, targets: list[Target], outbox: Path) -> None:
        self._on = frozenset(settings.on)
        self._targets = targets
        self._outbox = outbox

    def __call__(self, connection: Connection, row: JobRow) -> None:
        quarantined = row.state == State.QUARANTINED
        if (
            not self._targets
            or (State.QUARANTINED if quarantined else row.decision) not in self._on
        ):
            return
        event = "quarantine" if quarantined else "verdict"
        payload = payload_of(row, {} if quarantined else read_record(self._outbox / row.folder))
        for target in self._targets:
            delivery = str(uuid.uuid4())
            text = json.dumps({**payload, "delivery": delivery, "event": event})
            plan(connection, delivery, row.id, event, target.key, text, row.finished_at, row.holder)


def payload_of(row: JobRow, record: PublishableRecord) -> dict[str, object]:
    """The content of a notice (docs/webhook.schema.json), except delivery and event."""
    quarantined = row.state == State.QUARANTINED
    detector = record.get("detector")
    return {
        "format": FORMAT,
        "job": row.id,
        "name": row.name,
        "sha256": row.sha256,
        "decision": None if quarantined else row.decision,
        "reason": f"{row.reason}: {row.error}" if quarantined else row.reason,
        "probability": None if quarantined else row.probability,
        "thresholds": record.get("thresholds"),
        "folder": folder_name(row.name, row.id) if quarantined else row.folder,
        "detector": detector
        and {
            "name": detector["name"],
            "version": detector["version"],
            "sha256": detector["sha256"],
        },
        "at": iso(row.finished_at),
    }


def trial_payload(delivery: str, at: float) -> str:
    """What `ddaemon notify test` sends: shaped like a verdict's, with an event of its own."""
    nothing = ("decision", "reason", "probability", "thresholds", "detector")
    record = {
        "format": FORMAT,
        "delivery": delivery,
        "event": "test",
        "job": "test",
        "name": "a test notice of ddaemon",
        "sha256": "0" * 64,
        "folder": "test",
        "at": iso(at),
    }
    return json.dumps({**record, **dict.fromkeys(nothing)})
