"""More at once than events can tell of."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.pings import Pings
from ddaemon.tests.chaos.scenarios import CannotBeTried, Result, scenario
from ddaemon.tests.chaos.scene import Scene
from ddaemon.tests.clips import unlike

FILES, FILES_SHORT = 20_000, 500
COPIES = 10  # of each content in 20,000 files: the accounts count contents
COPIES_SHORT = 5
PING_S = 1.0  # what the service is asked for
WATCHDOG_S = 60.0  # in systemd/ddaemon.service: a longer silence, and systemd ends the service
LARGEST_EVENT_QUEUE = 1_000_000
AFTER_OVERFLOW = 20
NO_WATCHES = 'echo {} > /proc/sys/user/max_inotify_watches; exec "$@"'


@scenario("crowd", "many files at once")
def crowd(folder: Path, short: bool) -> Result:
    files, copies = (FILES_SHORT, COPIES_SHORT) if short else (FILES, COPIES)
    with closing(Scene(folder)) as scene, closing(Pings(folder / "notify")) as pings:
        pile = _pile(scene, files, copies)
        scene.start(NOTIFY_SOCKET=str(pings.address), WATCHDOG_USEC=str(int(2e6 * PING_S)))
        scene.wait_log("ready")
        began = time.monotonic()
        (pile / "folder").rename(scene.inbox / "folder")
        for path in sorted((pile / "single").iterdir()):
            path.rename(scene.inbox / path.name)
        scene.wait_log("is (new|the content of) job", files)
        accepted_s = time.monotonic() - began
        recovery = accepted_s + scene.wait_settled(3600)
        assert scene.stop() == 0
        assert scene.query("SELECT count(*) FROM files") == [(files,)], "not all were accepted"
        silence = pings.longest_silence()
        assert silence < WATCHDOG_S / 2, f"the service's loop was silent for {silence:.0f} s"
        note = (
            f"{files} files of {files // copies} contents, all accepted within {accepted_s:.1f} s "
            f"({files / accepted_s:.0f} a second, the first being judged meanwhile), "
            f"longest silence of the loop {silence:.1f} s"
        )
        return Result(1, scene.accounts(), recovery, note)


@scenario("overflow", "inotify's queue overflowed while the service stood still")
def overflow(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        if limit > LARGEST_EVENT_QUEUE:
            raise CannotBeTried("fs.inotify.max_queued_events is too high to be reached")
        scene.start()
        scene.wait_log("ready")
        assert scene.service is not None
        scene.service.send_signal(signal.SIGSTOP)
        _flood(scene.inbox, limit)
        scene.drop(AFTER_OVERFLOW)
        scene.service.send_signal(signal.SIGCONT)
        recovery = scene.wait_settled()
        assert scene.stop() == 0
        assert scene.count_log("queue overflowed"), "the queue did not overflow"
        return Result(1, scene.accounts(), recovery)


@scenario("no-watches", "no inotify watch left for the inbox, or for a folder in it")
def no_watches(folder: Path, short: bool) -> Result:
    with closing(Scene(folder)) as scene:
        slowest = 0.0
        for limit in (0, 1):
            scene.launcher = _limited(limit)
            scene.start()
            scene.wait_log("ready")
            (scene.inbox / f"folder {limit}").mkdir()
            scene.put(scene.make(), f"folder {limit}/a.mp4")
            scene.drop(1)
            slowest = max(slowest, scene.wait_settled())
            trouble = str(scene.status()["service"]["trouble"])
            assert ("does not report" in trouble) == (limit == 0), trouble
            assert scene.stop() == 0
            scene.log.write_text("")
        return Result(2, scene.accounts(), slowest)


def _pile(scene: Scene, files: int, copies: int) -> Path:
    """Half of the files in a folder of their own; each content is there `copies` times."""
    pile = scene.folder / "pile"
    for part in ("folder", "single"):
        (pile / part).mkdir(parents=True)
    for number in range(files):
        part = "folder" if number % 2 else "single"
        content, copy = divmod(number, copies)
        path = pile / part / f"{content}-{copy}.mp4"
        if copy == 0:
            first = unlike(scene.blank, path, content)
            scene.count_on(first)
        else:
            shutil.copyfile(first, path)
    return pile


def _flood(inbox: Path, limit: int) -> None:
    """More events than the queue holds; two files in turn, as equal events are told as one."""
    pair = inbox / ".one.mp4", inbox / ".two.mp4"
    for path in pair:
        path.touch()
    for number in range(2 * limit):  # a read that was under way may take some
        os.utime(pair[number % 2])


def _limited(watches: int) -> tuple[str, ...]:
    """A user name space with a limit of its own: that of the machine stays as it is."""
    launcher = ("unshare", "--user", "--map-root-user", "sh", "-c", NO_WATCHES.format(watches), "-")
    try:
        done = subprocess.run([*launcher, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        raise CannotBeTried("unshare (util-linux) is not installed") from None
    if done.returncode:
        raise CannotBeTried("no user name spaces are allowed here")
    return launcher
