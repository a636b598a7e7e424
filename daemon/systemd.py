"""The service manager's notification protocol: sd_notify(3), a datagram to `$NOTIFY_SOCKET`."""

import os
import socket
import time
from collections.abc import Callable

Notify = Callable[[str], None]


def notifier(environment: dict[str, str] | None = None) -> Notify:
    """A function that sends lines such as `READY=1`; it does nothing outside systemd."""
    address = (environment if environment is not None else os.environ).get("NOTIFY_SOCKET", "")
    if not address:
        return lambda _message: None
    # A leading @ stands for the NUL byte of Linux's abstract name space.
    target = "\0" + address[1:] if address.startswith("@") else address

    def send(message: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(target)
            channel.sendall(message.encode())

    return send


def watchdog_interval(environment: dict[str, str] | None = None) -> float | None:
    """Seconds between pings that systemd asked for: half of `$WATCHDOG_USEC`, as advised by
    sd_watchdog_enabled(3). None when it asked for none."""
    microseconds = (environment if environment is not None else os.environ).get("WATCHDOG_USEC")
    return int(microseconds) / 2e6 if microseconds else None


class Watchdog:
    """Pings the service manager's watchdog; `every` is None where it wants no pings."""

    def __init__(self, notify: Notify, every: float | None) -> None:
        self._notify = notify
        self._every = every
        self._next_ping = 0.0  # monotonic seconds

    def ping_if_due(self) -> None:
        now = time.monotonic()
        if self._every is not None and now >= self._next_ping:
            self._next_ping = now + self._every
            self._notify("WATCHDOG=1")
