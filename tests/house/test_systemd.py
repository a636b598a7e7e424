"""The unit is one that systemd understands, and a tight one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
MAX_EXPOSURE = 1.5

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    """The unit as installed, but with a program that is there."""
    text = (UNITS / "ddaemon.service").read_text()
    program = re.search(r"^ExecStart=(\S+)", text, re.MULTILINE)
    assert program
    unit = tmp_path / "ddaemon.service"
    unit.write_text(text.replace(program[1], "/bin/true"))
    found = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    ours = [line for line in found.stderr.splitlines() if "ddaemon" in line]
    assert found.returncode == 0, found.stderr
    assert ours == []


@needs_systemd
def test_the_unit_exposes_little() -> None:
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(UNITS / "ddaemon.service")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    level = re.search(r"Overall exposure level for ddaemon.service: ([\d.]+)", found.stdout)
    assert level
    assert float(level[1]) <= MAX_EXPOSURE


def test_the_service_speaks_the_protocol_that_the_unit_announces() -> None:
    text = (UNITS / "ddaemon.service").read_text()
    for line in ("Type=notify", "WatchdogSec=", "ExecReload=/bin/kill -HUP $MAINPID"):
        assert line in text
    files = ("service.py", "systemd.py")
    service = "".join((UNITS.parent / "daemon" / file).read_text() for file in files)
    for word in ("READY=1", "WATCHDOG=1", "STOPPING=1", "RELOADING=1", "STATUS="):
        assert word in service
