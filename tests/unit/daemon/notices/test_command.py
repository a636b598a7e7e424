"""A command that is told: a real script, and names that would be words of a shell."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from ddaemon.daemon.notices.command import Command
from ddaemon.daemon.notices.planner import trial_payload
from ddaemon.storage.text import printable

HOSTILE = [
    '$(touch pwned)"; touch pwned #.mp4',
    "`touch pwned`\n&& x.mp4",
    "--help",
    "\x1b[31m.mp4",
    "a\x00b.mp4",
]


def payload(**values: object) -> str:
    return json.dumps({**json.loads(trial_payload("d-1", 1.0)), **values})


def command(tmp_path: Path, script: str, timeout: float = 20.0) -> Command:
    program = tmp_path / "tell.py"
    program.write_text(script)
    words = [sys.executable, str(program), "an argument"]
    return Command(words, tmp_path / "outbox", tmp_path / "quarantine", timeout=timeout)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_arrives_as_it_is_in_the_json_printable_in_the_environment_and_does_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DDAEMON_NOTIFY__APPRISE", '["mailto://me:hush@example.org"]')
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/x")
    told = command(
        tmp_path,
        "import json, os, sys\n"
        "json.dump([sys.argv[1:], dict(os.environ), json.load(sys.stdin)], open('told', 'w'))\n",
    )
    text = payload(name=name, event="verdict", folder="f-1", probability=0.5)
    assert told.deliver("d-1", "verdict", text, 1).text == "exit 0"
    arguments, environment, given = json.loads((tmp_path / "told").read_text())
    assert arguments == ["an argument"]
    assert given == json.loads(text)
    assert environment["DDAEMON_NAME"] == printable(name)
    assert environment["DDAEMON_PROBABILITY"] == "0.5"
    assert environment["DDAEMON_REASON"] == ""
    assert environment["DDAEMON_RECORD"] == str(tmp_path / "outbox/f-1/verdict.json")
    assert "NOTIFY_SOCKET" not in environment
    assert "hush" not in json.dumps(environment)
    assert not (tmp_path / "pwned").exists()


def test_a_failure_is_told_with_the_beginning_of_what_it_said(tmp_path: Path) -> None:
    script = "import sys; print('\\x1bno ' * 100_000, file=sys.stderr); sys.exit(3)"
    answer = command(tmp_path, script).deliver("d-1", "test", payload(), 1)
    assert not answer.ok
    assert answer.text.startswith(r"exit 3: \x1bno ")
    assert len(answer.text) < 1000


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, time\n"
        f"child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    answer = command(tmp_path, script, timeout=2).deliver("d-1", "test", payload(), 1)
    assert "notify.timeout" in answer.text
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_program_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    told = Command(["/nowhere/tell"], tmp_path, tmp_path, timeout=1)
    assert "No such file" in told.deliver("d-1", "test", payload(), 1).text
