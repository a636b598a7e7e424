"""Disks that are full, and disks that may only be read."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from ddaemon.tests.chaos.inboxes import CLAIMED
from ddaemon.tests.chaos.scenarios import CannotBeTried, Result, scenario
from ddaemon.tests.chaos.scene import SETTINGS, Scene, is_root

JOBS = 4
BLOCK = bytes(4096)
SIZE = "16m"
TRIES_S = 3.0  # several ticks


@scenario("disk-full-work", "a full disk under the attempts' folder")
def disk_full_work(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene, small_disk(scene.home / "work") as disk:
        with _under_way(scene):
            with filled(disk):
                scene.go_on()
                scene.drop(JOBS)
                wait_told(scene, "is full")
            recovery = scene.wait_settled()
        _require_no_quarantine(scene)
        return Result(1, scene.accounts(), recovery)


@scenario("disk-full-outbox", "a full disk under the outbox")
def disk_full_outbox(folder: Path, short: bool) -> Result:
    return _outbox_away(folder, filled, "can't be published: .*No space left")


@scenario("outbox-read-only", "the outbox remounted read-only")
def outbox_read_only(folder: Path, short: bool) -> Result:
    return _outbox_away(folder, read_only, "can't be published: .*Read-only file system")


@scenario("disk-full-database", "a full disk under the whole home, the database's")
def disk_full_database(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene, _home_on_small_disk(scene) as disk:
        scene.start()
        scene.drop(1)
        scene.wait_settled()
        with filled(disk):
            scene.drop(JOBS)
            scene.wait_log("can't be used at present: database or disk is full")
            wait_told(scene, "is full")
            assert _lives_for(scene, TRIES_S), scene.log.read_text()[-2000:]
        recovery = scene.wait_settled()
        assert scene.stop() == 0
        _require_no_quarantine(scene)
        return Result(1, scene.accounts(), recovery)


def _lives_for(scene: Scene, seconds: float) -> bool:
    assert scene.service is not None
    with suppress(subprocess.TimeoutExpired):
        scene.service.wait(seconds)
    return scene.service.poll() is None


@contextmanager
def _home_on_small_disk(scene: Scene) -> Iterator[Path]:
    """All of the home but its inbox."""
    before = scene.home.rename(scene.folder / "before")
    with small_disk(scene.home) as disk:
        shutil.copytree(before, disk, dirs_exist_ok=True)
        scene.inbox = before / "inbox"
        scene.configure(SETTINGS.replace("[inbox]", f'[inbox]\npath = "{scene.inbox}"'))
        yield disk


@contextmanager
def _under_way(scene: Scene) -> Iterator[None]:
    """A service that has begun a job, waits in it for `go_on`, and must live on to its end."""
    scene.start_with(role="nobody", label="no point")
    scene.drop(1)
    scene.wait_settled()
    scene.plan(role="worker", label=CLAIMED, thread=None, deed="wait")
    scene.drop(1, scene.face)
    scene.wait_struck()
    yield
    code = scene.stop()
    assert code == 0, f"the service ended with {code}:\n{scene.log.read_text()}"


def _outbox_away(
    folder: Path, fault: Callable[[Path], AbstractContextManager[None]], why: str
) -> Result:
    with closing(Scene(folder)) as scene, small_disk(scene.outbox) as disk:
        with _under_way(scene):
            with fault(disk):
                scene.go_on()
                scene.drop(JOBS)
                scene.wait_log(why)
                wait_told(scene, "can't be published: ")
            recovery = scene.wait_settled()
        _require_no_quarantine(scene)
        return Result(1, scene.accounts(), recovery)


def _require_no_quarantine(scene: Scene) -> None:
    held = [path.name for path in scene.quarantine.iterdir()]
    assert not held, f"what no video can help used up the attempts of {held}"


def wait_told(scene: Scene, why: str) -> None:
    """Until `ddaemon status` tells this trouble."""
    scene.until(lambda: why in str(scene.status()["service"]["trouble"]), f"{why!r} in the status")


@contextmanager
def small_disk(place: Path, size: str = SIZE) -> Iterator[Path]:
    """A small file system over this folder."""
    if not is_root():
        raise CannotBeTried("mounting a tmpfs takes root")
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise CannotBeTried("mounting a tmpfs takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Nothing more can be written there."""
    ballast = disk / ".ballast"
    with ballast.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(BLOCK):
            pass
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Nothing can be changed there."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
