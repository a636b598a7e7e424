"""An inbox that comes and goes with its mount, and everything in it that is no plain file."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ddaemon.tests.chaos.scenarios import CannotBeTried, Result, scenario
from ddaemon.tests.chaos.scene import Scene, is_root, sha256_of

ROUNDS, ROUNDS_SHORT = 5, 1
RESCANS = 2  # that a state of the inbox must outlast, to be sure that it was seen
HUGE_BYTES = 10**12
CLAIMED = "open for writing in daemon/dispatch/worker.py:_ProgressFile*"
EXAMINED = "open for reading in daemon/intake/identify.py:*"


@scenario("unmount", "the inbox unmounted and mounted again, with a job claimed from it")
def unmount(folder: Path, short: bool) -> Result:
    rounds = ROUNDS_SHORT if short else ROUNDS
    with closing(Scene(folder)) as scene, _disk(folder / "disk") as disk:
        scene.start_with(role="nobody", label="no point")
        scene.drop(2)
        slowest = scene.wait_settled()
        for _ in range(rounds):
            slowest = max(slowest, _come_and_go(scene, disk))
        assert scene.stop() == 0
        hashed_again = scene.count_log("is the content of job")
        assert not hashed_again, f"{hashed_again} known files were taken for new ones"
        return Result(2 * rounds, scene.accounts(), slowest)


def _come_and_go(scene: Scene, disk: Path) -> float:
    """One round; seconds until all was judged after the last mount."""
    with _mounted(disk, scene.inbox):
        scene.drop(2)
        scene.wait_settled()
        scene.plan(role="worker", label=CLAIMED, thread=None, deed="wait")
        scene.drop(1)
        scene.wait_struck()
    known = scene.query("SELECT * FROM files ORDER BY path")
    scene.go_on()
    away = "SELECT count(*) FROM events WHERE detail = 'its inbox is away'"
    before = scene.query(away)[0][0]
    scene.until(lambda: scene.query(away)[0][0] >= before + RESCANS, "a job that waits")
    assert scene.query("SELECT * FROM files ORDER BY path") == known, "known files were forgotten"
    assert "another folder than before" in str(scene.status()["service"]["trouble"])
    late = scene.make()
    scene.count_on(late)
    shutil.move(late, disk)
    with _mounted(disk, scene.inbox):
        scene.drop(1)
        return scene.wait_settled()


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    """A small file system of its own."""
    if not is_root():
        raise CannotBeTried("mounting needs root")
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], capture_output=True, check=False
    )
    if done.returncode:
        raise CannotBeTried("mounting is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def _mounted(disk: Path, place: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", disk, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@scenario(
    "entries", "links, pipes, sockets, devices, a file of 1 TB, and files that must not be read"
)
def entries(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        _obey_modes(scene)
        scene.start_with(role="nobody", label="no point")
        refused = [*_links(scene), *_specials(scene), _huge(scene)]
        closed = [_unreadable_file(scene), _unreadable_folder(scene)]
        _hard_link(scene)
        scene.drop(1)
        for name in (*refused, *(path.name for path in closed)):
            scene.wait_log(f" {name} is not taken: ")
        _require_nobody_reads(scene.inbox / "pipe.mp4")
        for path in closed:
            path.chmod(0o700)
        recovery = scene.wait_settled()
        assert scene.stop() == 0
        for name in refused:
            assert scene.count_log(f" {name} is not taken: ") == 1, f"{name} was not said once"
        scene.log.write_text("")
        forbidden = scene.inbox / "forbidden.mp4"
        shutil.copy(scene.make(), forbidden)
        forbidden.chmod(0)
        scene.drain()  # must end, though one file can't be read
        for name in (*refused, "forbidden.mp4"):
            assert scene.count_log(f" {name} is not taken: ") == 1, f"{name} was not said once"
        return Result(len(refused) + len(closed), scene.accounts(), recovery)


@scenario("folders", "a folder dropped in whole, and one removed while its files are examined")
def folders(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        scene.start_with(role="nobody", label="no point")
        scene.wait_log("ready")
        _move_in(scene, "monday", levels=3)
        recovery = scene.wait_settled()
        scene.plan(role="worker", label=EXAMINED, thread=None, deed="wait")
        place, contents = _move_in(scene, "gone", levels=2)
        scene.wait_struck()
        shutil.rmtree(place)
        scene.go_on()
        for sha256 in contents:
            scene.forget(sha256)
        _move_in(scene, "gone", levels=1)
        recovery = max(recovery, scene.wait_settled())
        assert scene.stop() == 0
        return Result(3, scene.accounts(), recovery)


def _move_in(scene: Scene, name: str, *, levels: int) -> tuple[Path, list[str]]:
    """A folder with two clips on each level."""
    made = scene.folder / name
    contents, place = [], made
    for level in range(levels):
        place = place / str(level)
        place.mkdir(parents=True)
        for clip in (scene.make(), scene.make()):
            scene.count_on(clip)
            contents.append(sha256_of(clip))
            shutil.move(clip, place)
    made.rename(scene.inbox / name)
    return scene.inbox / name, contents


def _obey_modes(scene: Scene) -> None:
    """Root may read everything: the service is started without that right."""
    if is_root():
        if shutil.which("setpriv") is None:
            raise CannotBeTried("setpriv (util-linux) is not installed")
        scene.launcher = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def _links(scene: Scene) -> list[str]:
    outside = scene.folder / "outside"
    outside.mkdir()
    shutil.move(scene.make(), outside / "secret.mp4")
    inside = scene.drop(1)[0]
    targets = {
        "inside.mp4": inside,
        "outside.mp4": outside / "secret.mp4",
        "folder": outside,
        "dangling.mp4": scene.inbox / "nothing.mp4",
        "circle.mp4": scene.inbox / "circle.mp4",
    }
    for name, target in targets.items():
        (scene.inbox / name).symlink_to(target)
    return list(targets)


def _specials(scene: Scene) -> list[str]:
    os.mkfifo(scene.inbox / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as channel:  # the name stays when it is closed
        here = Path.cwd()
        os.chdir(scene.inbox)  # a socket's address must be short
        channel.bind("socket.mp4")
        os.chdir(here)
    if not is_root():
        return ["pipe.mp4", "socket.mp4"]
    os.mknod(scene.inbox / "device.mp4", 0o20666, os.makedev(1, 5))  # zeros without an end
    return ["pipe.mp4", "socket.mp4", "device.mp4"]


def _huge(scene: Scene) -> str:
    with (scene.inbox / "huge.mp4").open("wb") as stream:
        stream.truncate(HUGE_BYTES)
    return "huge.mp4"


def _unreadable_file(scene: Scene) -> Path:
    clip = scene.make()
    clip.chmod(0)
    scene.count_on(clip)
    return scene.put(clip, "locked.mp4")


def _unreadable_folder(scene: Scene) -> Path:
    place, _ = _move_in(scene, "locked", levels=1)
    place.chmod(0)
    return place


def _hard_link(scene: Scene) -> None:
    os.link(scene.drop(1)[0], scene.inbox / "hard link.mp4")


def _require_nobody_reads(pipe: Path) -> None:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return
    raise AssertionError("somebody has opened the pipe")
