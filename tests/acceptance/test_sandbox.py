"""A kernel that lacks a part of the sandbox: the doctor tells, the log once, `require` refuses."""

import json
import os
import shutil
import subprocess
import sys

from ddaemon.tests.acceptance.conftest import Ddaemon
from ddaemon.tests.acceptance.test_service import SHIPPED

# Runs ddaemon as on a kernel without Landlock: its first system call is not there.
OLD_KERNEL = """
import errno
from seccompy import Action, Filter
kernel = Filter(Action.ALLOW)
kernel.errno("landlock_create_ruleset", errno.ENOSYS)
kernel.load()
from ddaemon.cli.main import main
main()
"""


def on_an_old_kernel(
    ddaemon: Ddaemon, *words: str, mode: str = "auto"
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", OLD_KERNEL, "--home", str(ddaemon.home), *words],
        env={**os.environ, "DDAEMON_WORKERS__SANDBOX": mode},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_doctor_tells_which_wall_is_missing(ddaemon: Ddaemon) -> None:
    done = on_an_old_kernel(ddaemon, "doctor", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    states = [finding["state"] for finding in findings if finding["look"] == "sandbox"]
    assert states == ["lacks", "ok"]
    assert done.returncode == 0, done.stdout
    here = [json.loads(line) for line in ddaemon.call("doctor", "--json").splitlines()]
    assert "lacks" not in {finding["state"] for finding in here}


def test_the_service_works_without_and_says_so_once(ddaemon: Ddaemon) -> None:
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    done = on_an_old_kernel(ddaemon, "run", "--drain")
    assert done.returncode == 0, done.stderr
    assert len(ddaemon.verdicts()) == 1
    assert done.stderr.count("no Landlock (Linux 5.13") == 1


def test_the_service_refuses_to_start_without_what_is_required(ddaemon: Ddaemon) -> None:
    done = on_an_old_kernel(ddaemon, "run", "--drain", mode="require")
    assert done.returncode == 1
    assert 'workers.sandbox is "require", and this machine lacks files: no Landlock' in done.stderr
    assert "Traceback" not in done.stderr
    asked = on_an_old_kernel(ddaemon, "doctor", "--json", mode="require")
    assert asked.returncode == 1
    assert '"look": "sandbox", "state": "fault"' in asked.stdout
