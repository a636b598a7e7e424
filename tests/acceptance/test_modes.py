"""Whatever the shell's mask: others get nothing, the group reads, and nobody else writes."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ddaemon.daemon.diagnosis import diagnose
from ddaemon.daemon.home.home import Home
from ddaemon.tests.acceptance.conftest import SETTINGS, Ddaemon
from ddaemon.tests.acceptance.test_service import SHIPPED

OTHER_USER = 54_321  # a user who is not us


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def first_fault(ddaemon: Ddaemon) -> str:
    """What the doctor finds first: it looks at the home before it judges a clip."""
    return next(finding.fix for finding in diagnose(Home(ddaemon.home)) if finding.fix)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_what_a_service_makes_is_its_own(tmp_path: Path, mask: int) -> None:
    home = tmp_path / "home"

    def call(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "ddaemon.cli", "--home", str(home), *words],
            check=True, umask=mask, capture_output=True, timeout=200,
        )  # fmt: skip

    call("init")
    (home / "ddaemon.toml").write_text(f'{SETTINGS}[outbox]\noriginal = "move"\n')
    shutil.copy(SHIPPED[0], home / "inbox" / "clip.mp4")
    (home / "inbox" / "text.mp4").write_text("no video")
    for video in (home / "inbox").iterdir():
        video.chmod(0o6777)
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(home)], stdout=subprocess.PIPE, text=True
    )
    call("run", "--drain")
    seen, _ = watcher.communicate(timeout=30)
    assert {"state.db 600", "state.db-wal 600", "state.db-shm 600"} <= set(seen.split("\n"))
    assert "service.json 640" in seen
    assert len(list((home / "outbox").iterdir())) == 2
    for path in (home, *home.rglob("*")):
        expected = 0o750 if path.is_dir() else 0o640
        if path.name in ("state.db", ".lock"):
            expected = 0o600
        if path.suffix == ".mp4":  # a moved original keeps who may read it
            expected = 0o644
        assert mode(path) == expected, (path, oct(mode(path)))


WATCH = """
import os, sys, time
from pathlib import Path
home, seen, begun = Path(sys.argv[1]), set(), False
while time.monotonic() and len(seen) < 500:
    for name in ("state.db", "state.db-wal", "state.db-shm", "service.json"):
        try:
            seen.add(f"{name} {os.stat(home / name).st_mode & 0o7777:o}")
        except FileNotFoundError:
            pass
    begun = begun or (home / "service.json").exists()
    if begun and not (home / "service.json").exists():
        break
    time.sleep(0.005)
print(*sorted(seen), sep="\\n")
"""


@pytest.mark.parametrize("name", ["", "ddaemon.toml", "state.db", "detectors"])
def test_a_home_that_anybody_may_write_is_refused(ddaemon: Ddaemon, name: str) -> None:
    path = ddaemon.home / name
    path.chmod(mode(path) | 0o002)
    assert f"anybody may write {path}; chmod o-w it" in ddaemon.call("run", code=1)
    assert f"anybody may write {path}" in first_fault(ddaemon)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("name", ["", "ddaemon.toml", "detectors"])
def test_a_home_of_another_user_is_refused(ddaemon: Ddaemon, name: str) -> None:
    """Its settings name a command: that user would have us run it."""
    os.chown(ddaemon.home / name, OTHER_USER, -1)
    said = ddaemon.call("run", code=1)
    assert f"belongs to user {OTHER_USER}" in said
    assert len(said.splitlines()) == 1
    assert f"belongs to user {OTHER_USER}" in first_fault(ddaemon)


def test_doctor_tells_of_a_group_that_may_write_the_settings(ddaemon: Ddaemon) -> None:
    (ddaemon.home / "ddaemon.toml").chmod(0o660)
    assert first_fault(ddaemon) == "its group may write it, and so run commands; chmod g-w it"
