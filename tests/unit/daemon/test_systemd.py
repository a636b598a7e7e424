"""The service manager's protocol, over real sockets."""

import socket
from pathlib import Path

from ddaemon.daemon.systemd import notifier, watchdog_interval


def test_messages_reach_the_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_abstract_sockets_are_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0ddaemon-test")
        notifier({"NOTIFY_SOCKET": "@ddaemon-test"})("STOPPING=1")
        assert manager.recv(100) == b"STOPPING=1"


def test_without_a_manager_nothing_is_sent() -> None:
    notifier({})("READY=1")
    assert watchdog_interval({}) is None


def test_pings_come_twice_as_often_as_asked() -> None:
    assert watchdog_interval({"WATCHDOG_USEC": "30000000"}) == 15.0
