"""Somebody is told: the real service, a real receiver."""

import hashlib
import hmac
import json
import shutil
import signal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ddaemon.daemon.diagnosis import diagnose
from ddaemon.daemon.home.home import Home
from ddaemon.tests.receiver import Request, receiving
from ddaemon.tests.service import SETTINGS, Ddaemon

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "stages" / "data" / "demo-forged.mp4"
NOTICE = Draft202012Validator(json.loads((ROOT / "docs/webhook.schema.json").read_text()))
SECRET = "correct horse battery staple"


@pytest.fixture
def key(ddaemon: Ddaemon) -> Path:
    path = ddaemon.home / "webhook.key"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def tell(ddaemon: Ddaemon, key: Path, port: int, more: str = "") -> None:
    ddaemon.configure(
        f'{SETTINGS}[notify]\nwebhook = "http://127.0.0.1:{port}/hook"\nallow_private = true\n'
        f'secret_file = "{key}"\nbackoff = 0.5\n{more}'
    )


def opened(request: Request) -> dict[str, object]:
    """The notice, after its signature was checked as a receiver would."""
    signed = request.headers["X-Ddaemon-Timestamp"].encode() + b"." + request.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["X-Ddaemon-Signature"] == f"sha256={expected}"
    notice: dict[str, object] = json.loads(request.body)
    NOTICE.validate(notice)
    return notice


def test_a_clip_dropped_into_the_inbox_is_told_to_a_webhook_and_a_command(
    ddaemon: Ddaemon, key: Path
) -> None:
    program = ddaemon.home / "tell"
    program.write_text('#!/bin/sh\ncp "$DDAEMON_RECORD" "$DDAEMON_HOME/told.json"\n')
    program.chmod(0o700)
    shutil.copy(CLIP, ddaemon.inbox)
    with receiving() as receiver:
        tell(ddaemon, key, receiver.port, f'command = ["{program}"]\n')
        assert "ok    webhook 127.0.0.1: HTTP 204" in ddaemon.call("notify", "test", code=1)
        ddaemon.start("--drain", DDAEMON_HOME=str(ddaemon.home))
        assert ddaemon.wait() == 0, ddaemon.log.read_text()
    tried, told = (opened(request) for request in receiver.got)
    (verdict,) = ddaemon.verdicts()
    assert tried["event"] == "test"
    assert told["decision"] == verdict["decision"]
    assert told["probability"] == verdict["probability"]
    assert told["thresholds"] == verdict["thresholds"]
    assert (ddaemon.outbox / str(told["folder"])).is_dir()
    assert json.loads((ddaemon.home / "told.json").read_text()) == verdict
    assert ddaemon.call_here("notify", "list").count("delivered") == 2
    assert SECRET not in ddaemon.log.read_text()


def test_a_service_killed_before_the_delivery_tells_after_its_restart(
    ddaemon: Ddaemon, key: Path
) -> None:
    with receiving() as gone:
        port = gone.port
    tell(ddaemon, key, port)
    shutil.copy(CLIP, ddaemon.inbox)
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["service"]["trouble"], "the trouble")
    assert len(ddaemon.verdicts()) == 1  # the job waited for nobody
    assert "not delivered so far" in ddaemon.status()["service"]["trouble"][0]
    ddaemon.stop(signal.SIGKILL)
    with receiving(port=port) as receiver:
        ddaemon.start()
        ddaemon.until(lambda: receiver.got, "the delivery")
        ddaemon.until(lambda: not ddaemon.status()["service"]["trouble"], "its note")
    (notice,) = {opened(request)["job"] for request in receiver.got}
    assert notice == ddaemon.verdicts()[0]["job"]


def test_what_was_given_up_is_shown_and_can_be_retried(ddaemon: Ddaemon, key: Path) -> None:
    tell(ddaemon, key, 9, "attempts = 1\n")
    shutil.copy(CLIP, ddaemon.inbox)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text()
    assert "given up" in ddaemon.call_here("status")
    (notice,) = ddaemon.call_here("notify", "list", "--failed", "--json").splitlines()
    assert json.loads(notice)["state"] == "given_up"
    assert "1 notice(s) due now" in ddaemon.call_here("notify", "retry")
    with receiving() as receiver:
        tell(ddaemon, key, receiver.port)
        ddaemon.start("--drain")
        assert ddaemon.wait() == 0
    assert len(receiver.got) == 1


def test_a_key_that_others_may_read_is_a_fault_for_the_doctor(ddaemon: Ddaemon, key: Path) -> None:
    tell(ddaemon, key, 9)
    key.chmod(0o644)
    fault = next(finding for finding in diagnose(Home(ddaemon.home)) if finding.fix)
    assert fault.what == "webhook 127.0.0.1"
    assert fault.fix.startswith("others may read")


def test_a_webhook_without_a_key_is_refused_and_a_password_is_never_shown(
    ddaemon: Ddaemon,
) -> None:
    ddaemon.configure('[notify]\nwebhook = "https://me:hush@example.org"\n')
    said = ddaemon.call("run", code=1)
    assert "notify.webhook needs notify.secret_file" in said
    ddaemon.configure('[notify]\nwebhook = "ftp://me:hush@example.org"\napprise = 5\n')
    assert "hush" not in said + ddaemon.call("run", code=1)
