"""One POST, against a real server."""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddaemon.daemon.notices.addresses import Resolver, resolve
from ddaemon.daemon.notices.delivery_result import DeliveryResult
from ddaemon.daemon.notices.webhook import Webhook
from ddaemon.tests.receiver import Receiver, make_certificate, receiving

SECRET = "correct horse battery staple"
NOW = 1_790_000_000.0
BODY = '{"job": "x"}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def post(
    url: str,
    secret: Path,
    *,
    timeout: float = 10.0,
    allow_private: bool = True,
    resolver: Resolver = resolve,
) -> DeliveryResult:
    webhook = Webhook(
        url,
        secret,
        timeout=timeout,
        allow_private=allow_private,
        clock=lambda: NOW,
        resolver=resolver,
    )
    return webhook.deliver("d-1", "verdict", BODY, 1)


def test_a_receiver_can_check_who_sent_what_and_when(receiver: Receiver, secret: Path) -> None:
    assert post(receiver.url(), secret) == DeliveryResult(True, "HTTP 204")
    (request,) = receiver.got
    assert request.body.decode() == BODY
    assert request.path == "/hook?room=1"
    stamp = request.headers["X-Ddaemon-Timestamp"]
    assert int(stamp) == NOW
    signed = hmac.new(SECRET.encode(), f"{stamp}.{BODY}".encode(), hashlib.sha256).hexdigest()
    assert request.headers["X-Ddaemon-Signature"] == f"sha256={signed}"
    assert request.headers["X-Ddaemon-Delivery"] == "d-1"
    assert request.headers["X-Ddaemon-Event"] == "verdict"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_a_login_in_the_url_is_sent_as_such_and_never_shown(
    receiver: Receiver, secret: Path
) -> None:
    url = receiver.url().replace("//", "//me:hush@")
    assert post(url, secret).ok
    assert receiver.got[0].headers["authorization"] == "Basic bWU6aHVzaA=="
    assert "hush" not in receiver.got[0].headers["Host"]


@pytest.mark.parametrize(
    ("status", "final"), [(500, False), (404, False), (429, False), (410, True), (302, False)]
)
def test_only_2xx_is_delivered_and_410_is_for_good(
    receiver: Receiver, secret: Path, status: int, final: bool
) -> None:
    receiver.statuses = [status]
    receiver.headers = {"Location": receiver.url(), "Content-Length": "0"}
    answer = post(receiver.url(), secret)
    assert (answer.ok, answer.final) == (False, final)
    assert f"HTTP {status}" in answer.text
    assert len(receiver.got) == 1, "a redirect was followed"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120.0), ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0), ("soon", None), ("-5", None)],
)
def test_a_target_may_ask_for_a_pause(
    receiver: Receiver, secret: Path, said: str, seconds: float | None
) -> None:
    receiver.statuses, receiver.headers = [503], {"Retry-After": said}
    assert post(receiver.url(), secret).retry_after == seconds


def test_a_target_that_says_nothing_or_trickles_is_cut_off(
    receiver: Receiver, secret: Path
) -> None:
    receiver.hang = threading.Event()
    assert "notify.timeout" in post(receiver.url(), secret, timeout=0.3).text
    receiver.hang.set()
    receiver.hang, receiver.trickle = None, True
    assert "notify.timeout" in post(receiver.url(), secret, timeout=0.3).text


def test_a_target_that_is_not_there_is_said_in_words(secret: Path) -> None:
    with receiving() as gone:
        url = gone.url()
    answer = post(url, secret)
    assert not answer.ok
    assert "refused" in answer.text
    assert "room" not in answer.text


def test_a_private_target_is_refused_before_anything_is_sent(
    receiver: Receiver, secret: Path
) -> None:
    for host in ("127.0.0.1", "127.1", "0x7f000001", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
        answer = post(receiver.url(host=host), secret, allow_private=False)
        assert "notify.allow_private" in answer.text, host
    assert receiver.got == []


def test_a_name_is_resolved_once_and_that_address_is_told(receiver: Receiver, secret: Path) -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    assert post(receiver.url(host="desk.invalid"), secret, resolver=resolver).ok
    assert asked == ["desk.invalid"]
    assert receiver.got[0].headers["Host"] == f"desk.invalid:{receiver.port}"


def test_tls_goes_to_the_checked_address_under_the_urls_name(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "tls.pem", "desk.invalid")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiving(certificate) as receiver:

        def told(host: str) -> DeliveryResult:
            url = receiver.url("https", host)
            return post(url, secret, resolver=lambda _host, _port: ["127.0.0.1"])

        assert told("desk.invalid").ok
        wrong_name = told("other.invalid")
        monkeypatch.delenv("SSL_CERT_FILE")
        unknown_authority = told("desk.invalid")
    assert not wrong_name.ok
    assert not unknown_authority.ok
    assert len(receiver.got) == 1
    assert "certificate" in unknown_authority.text.lower()


def test_a_key_that_others_may_read_signs_nothing(receiver: Receiver, secret: Path) -> None:
    secret.chmod(0o640)
    assert "chmod 600" in post(receiver.url(), secret).text
    secret.chmod(0o600)
    secret.write_text("short")
    assert "fewer than 16 bytes" in post(receiver.url(), secret).text
    secret.unlink()
    assert "cannot read notify.secret_file" in post(receiver.url(), secret).text
    assert receiver.got == []
