"""One signed POST of JSON to one checked address.

The signature is HMAC-SHA256 (RFC 2104) over `<timestamp>.<body>`, so that a receiver can refuse
what was altered, what is old, and by the delivery's id what it has seen already.
"""

import email.utils
import hashlib
import hmac
import os
import socket
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from ... import __version__
from .addresses import AddressRefused, Resolver, checked_addresses, resolve
from .delivery_result import DeliveryResult, NotDelivered

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

MIN_SECRET_BYTES = 16
MAX_SECRET_BYTES = 4096
GONE = 410
PORTS = {"http": 80, "https": 443}


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of `X-Ddaemon-Signature`."""
    digest = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"


def read_secret(path: Path) -> bytes:
    """The key, without surrounding white space. Raises `NotDelivered` if others may read it."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            secret = stream.read(MAX_SECRET_BYTES).strip()
    except OSError as error:
        raise NotDelivered(f"cannot read notify.secret_file {path}: {error.strerror}") from error
    if mode & 0o077:
        raise NotDelivered(f"others may read notify.secret_file {path}; chmod 600 it")
    if len(secret) < MIN_SECRET_BYTES:
        raise NotDelivered(
            f"notify.secret_file {path} holds fewer than {MIN_SECRET_BYTES} bytes; "
            f"make a key with: openssl rand -hex 32 > {path}"
        )
    return secret


class Webhook:
    """The target behind `notify.webhook`."""

    key = "webhook"

    def __init__(
        self,
        url: str,
        secret_file: Path,
        *,
        timeout: float,
        allow_private: bool,
        clock: Callable[[], float],
        resolver: Resolver = resolve,
    ) -> None:
        self._url = urlsplit(url)
        self._secret_file = secret_file
        self._timeout = timeout
        self._allow_private = allow_private
        self._clock = clock
        self._resolver = resolver
        # Path, query and password may be secrets: only the host is ever shown.
        self.label = f"webhook {self._url.hostname}"

    def deliver(self, delivery: str, event: str, payload: str, attempt: int) -> DeliveryResult:
        """POST it once. Never raises for what a target or a network does."""
        try:
            body = payload.encode()
            headers = self._headers(delivery, event, body)
            addresses = self.addresses()
        except (NotDelivered, AddressRefused) as error:
            return DeliveryResult(False, str(error))
        # Each attempt takes the next of the host's addresses: one of them may be out of reach.
        return self._post(addresses[(attempt - 1) % len(addresses)], headers, body)

    def addresses(self) -> list[str]:
        """The addresses it may be sent to. Raises `AddressRefused`."""
        host = self._url.hostname or ""
        return checked_addresses(
            host, _port(self._url), allow_private=self._allow_private, resolver=self._resolver
        )

    def check(self) -> None:
        """Raise `NotDelivered` or `AddressRefused` when no delivery could begin."""
        read_secret(self._secret_file)
        self.addresses()

    def _headers(self, delivery: str, event: str, body: bytes) -> dict[str, str]:
        from urllib3.util import make_headers

        timestamp = str(int(self._clock()))
        headers = {
            "Host": self._url.netloc.rpartition("@")[2],
            "Content-Type": "application/json",
            "User-Agent": f"ddaemon/{__version__}",
            "X-Ddaemon-Event": event,
            "X-Ddaemon-Delivery": delivery,
            "X-Ddaemon-Timestamp": timestamp,
            "X-Ddaemon-Signature": sign(read_secret(self._secret_file), timestamp, body),
        }
        if self._url.username is not None:
            login = f"{self._url.username}:{self._url.password or ''}"
            headers |= make_headers(basic_auth=login)
        return headers

    def _post(self, address: str, headers: dict[str, str], body: bytes) -> DeliveryResult:
        from http.client import HTTPException

        from urllib3.exceptions import HTTPError

        over = threading.Event()
        connection = self._connection(address)
        path = self._url.path or "/"
        if self._url.query:
            path += f"?{self._url.query}"
        try:
            connection.connect()
            with _ended_after(self._timeout, connection, over):
                connection.request("POST", path, body, headers, preload_content=False)
                response = connection.getresponse()
                if over.is_set():  # a response that was cut off may look complete
                    return self._too_late()
                return self._answer(response.status, response.headers.get("Retry-After"))
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            late = over.is_set() or "Timeout" in type(error).__name__
            return self._too_late() if late else DeliveryResult(False, _in_words(error))
        finally:
            connection.close()  # the response's body is not read at all

    def _too_late(self) -> DeliveryResult:
        return DeliveryResult(False, f"no answer within notify.timeout ({self._timeout:g} s)")

    def _connection(self, address: str) -> "HTTPConnection":
        from urllib3.connection import HTTPConnection, HTTPSConnection

        port = _port(self._url)
        if self._url.scheme == "http":
            return HTTPConnection(address, port, timeout=self._timeout)
        return HTTPSConnection(
            address,
            port,
            timeout=self._timeout,
            ssl_context=ssl.create_default_context(),
            server_hostname=self._url.hostname,
            assert_hostname=self._url.hostname,
        )

    def _answer(self, status: int, retry_after: str | None) -> DeliveryResult:
        if 200 <= status < 300:
            return DeliveryResult(True, f"HTTP {status}")
        if status == GONE:
            return DeliveryResult(False, "HTTP 410: the target is gone for good", final=True)
        if 300 <= status < 400:
            return DeliveryResult(False, f"HTTP {status}: redirects are not followed")
        wait = _seconds(retry_after, self._clock()) if retry_after else None
        return DeliveryResult(False, f"HTTP {status}", retry_after=wait)


def _port(url: SplitResult) -> int:
    return url.port or PORTS[url.scheme]


def _seconds(retry_after: str, now: float) -> float | None:
    """RFC 9110, 10.2.3: seconds, or a date. None when it is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return email.utils.parsedate_to_datetime(retry_after).timestamp() - now
    except ValueError:
        return None


@contextmanager
def _ended_after(seconds: float, connection: Any, over: threading.Event) -> Iterator[None]:
    """Cut the connection when the time is over: a target that sends a byte now and then never
    runs into a socket's own timeout."""
    timer = threading.Timer(seconds, _cut, [connection.sock, over])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(channel: socket.socket, over: threading.Event) -> None:
    over.set()
    try:
        channel.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended at the same moment


def _in_words(error: Exception) -> str:
    """The kind of failure. urllib3's own message may quote the request."""
    cause = error.__cause__ or error
    text = getattr(cause, "strerror", None) or getattr(cause, "verify_message", None)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
