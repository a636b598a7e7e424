"""Mail and chat, by the library Apprise (the extra `chat`)."""

import hashlib
import json
import logging
from typing import Any

from ...storage.text import printable
from .addresses import AddressRefused, checked_addresses
from .delivery_result import DeliveryResult, NotDelivered

HTTPS = 443
# A file's name must not alert a whole channel, or look like a link.
TAMED = str.maketrans({"@": "＠", "<": "‹", ">": "›"})


class Chat:
    """The target behind one URL of `notify.apprise`."""

    def __init__(self, url: str, *, allow_private: bool) -> None:
        self._url = url
        self._allow_private = allow_private
        scheme = url.partition(":")[0]
        # A digest, because the URL is the secret of most services.
        self.key = f"apprise {hashlib.sha256(url.encode()).hexdigest()[:8]}"
        self.label = f"{self.key} ({scheme})"

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        """Send the notice once."""
        try:
            service = self._service()
        except (NotDelivered, AddressRefused) as error:
            return DeliveryResult(False, str(error))
        title, body = in_words(json.loads(payload))
        if service.notify(title=title, body=body):
            return DeliveryResult(True, "sent")
        return DeliveryResult(False, "the service can't be reached or refused it")

    def check(self) -> None:
        """Raise `NotDelivered` or `AddressRefused` when no delivery could begin."""
        self._service()

    def _service(self) -> Any:
        try:
            import apprise
        except ImportError as error:
            raise NotDelivered(
                "notify.apprise needs Apprise; pip install 'ddaemon[chat]'"
            ) from error
        # Its log quotes URLs and answers.
        logging.getLogger("apprise").disabled = True
        found = apprise.Apprise.instantiate(
            self._url, asset=apprise.AppriseAsset(app_id="ddaemon"), suppress_exceptions=True
        )
        if found is None:
            raise NotDelivered("Apprise does not understand this URL of notify.apprise")
        if found.host:
            checked_addresses(found.host, found.port or HTTPS, allow_private=self._allow_private)
        # With this wrapper an exception in one of its services becomes a failed delivery.
        return apprise.Apprise(found)


def in_words(payload: dict[str, Any]) -> tuple[str, str]:
    """A title and a few lines for a person."""
    name = _tamed(payload["name"])
    outcome = "quarantined" if payload["event"] == "quarantine" else payload["decision"]
    lines = [f"{name}: {outcome}"]
    if payload["reason"]:
        lines.append(f"because: {_tamed(payload['reason'])}")
    if payload["probability"] is not None:
        lines.append(f"probability of fake: {payload['probability']:.3f}")
    if limits := payload["thresholds"]:
        lines.append(
            f"wrong: {100 * limits['false_positive_rate']:.1f} % of real videos are called fake, "
            f"{100 * limits['false_negative_rate']:.1f} % of fakes are called real"
        )
    lines += [f"folder: {payload['folder']}", f"job: {payload['job']}"]
    return f"ddaemon: {outcome}: {name}", "\n".join(lines)


def _tamed(text: str) -> str:
    return printable(text).translate(TAMED)
