"""What systemd hears of a service."""

import socket
import threading
import time
from pathlib import Path


class Pings:
    """Stands in for systemd: hears when the service says that it lives."""

    def __init__(self, address: Path) -> None:
        self.address = address
        self._heard = [time.monotonic()]
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(str(address))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def longest_silence(self) -> float:
        """Seconds between two pings, at most."""
        return max(b - a for a, b in zip(self._heard, self._heard[1:], strict=False))

    def number(self) -> int:
        """How many were heard."""
        return len(self._heard) - 1

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"END", str(self.address))
        self._thread.join()
        self._channel.close()

    def _listen(self) -> None:
        while (message := self._channel.recv(4096)) != b"END":
            if b"WATCHDOG=1" in message:
                self._heard.append(time.monotonic())
