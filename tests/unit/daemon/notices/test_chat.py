"""Apprise, through its own JSON target, to a real server."""

import json
import sys

import pytest

from ddaemon.daemon.notices.chat import Chat, in_words
from ddaemon.daemon.notices.planner import trial_payload
from ddaemon.tests.receiver import receiving

PAYLOAD = {**json.loads(trial_payload("d-1", 1.0)), "event": "verdict", "decision": "fake"}


def send(url: str, *, allow_private: bool = True):
    chat = Chat(url, allow_private=allow_private)
    return chat.deliver("d-1", "verdict", json.dumps(PAYLOAD), 1)


def test_a_chat_gets_the_decision_in_words(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("apprise")
    with receiving() as receiver:
        receiver.statuses = [200]
        url = f"json://me:hush@127.0.0.1:{receiver.port}/"
        assert send(url).ok
        receiver.statuses = [500]
        refused = send(url)
        private = send(url, allow_private=False)
    said = json.loads(receiver.got[0].body)
    assert said["title"] == "ddaemon: fake: a test notice of ddaemon"
    assert "folder: test" in said["message"]
    assert not refused.ok
    assert "notify.allow_private" in private.text
    assert len(receiver.got) == 2
    for text in (caplog.text, refused.text, Chat(url, allow_private=True).label):
        assert "hush" not in text


def test_a_name_calls_nobody_and_leads_nowhere() -> None:
    hostile = "@everyone <http:||x>\n.mp4"
    title, body = in_words({**PAYLOAD, "name": hostile, "reason": f"failed: {hostile}"})
    assert not set("@<>") & set(title + body)
    assert "\n" not in title
    assert body.count("everyone") == 2
    assert "\\n.mp4" in body.splitlines()[1]


def test_a_missing_extra_and_a_wrong_url_are_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("apprise")
    assert "does not understand" in send("nonsense://hush").text
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert send("json://x").text == "notify.apprise needs Apprise; pip install 'ddaemon[chat]'"


def test_a_service_that_breaks_is_a_delivery_that_failed(monkeypatch) -> None:
    apprise = pytest.importorskip("apprise")

    def breaks(*_arguments: object, **_named: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(type(apprise.Apprise.instantiate("json://x")), "send", breaks)
    assert not send("json://127.0.0.1:9/x", allow_private=True).ok
