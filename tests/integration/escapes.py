"""What a worker that was taken over would try. Each returns only when it worked."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ddaemon.isolation import replies as answers

PTRACE_ATTACH = 16
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Scene:
    """What lies around the worker."""

    home: str  # with state.db, ddaemon.toml, inbox/video.mp4, outbox/ and work/
    elsewhere: str  # a folder that has nothing to do with ddaemon
    tcp: int  # a port of this machine on which somebody listens
    udp: int
    bystander: int  # another process of this user


def connects(scene: Scene) -> None:
    socket.create_connection(("127.0.0.1", scene.tcp), 5).close()


def sends_a_datagram(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"secret", ("127.0.0.1", scene.udp))


def opens_a_socket_of_this_machine(_scene: Scene) -> None:
    socket.socket(socket.AF_UNIX).close()


def writes_into_the_inbox(scene: Scene) -> None:
    Path(scene.home, "inbox", "planted.mp4").write_text("x")


def alters_the_video(scene: Scene) -> None:
    with Path(scene.home, "inbox", "video.mp4").open("ab") as file:
        file.write(b"x")


def empties_the_video(scene: Scene) -> None:
    os.truncate(Path(scene.home, "inbox", "video.mp4"), 0)


def deletes_the_video(scene: Scene) -> None:
    Path(scene.home, "inbox", "video.mp4").unlink()


def changes_the_rights_of_the_video(scene: Scene) -> None:
    Path(scene.home, "inbox", "video.mp4").chmod(0o666)


def writes_into_the_outbox(scene: Scene) -> None:
    Path(scene.home, "outbox", "verdict.json").write_text("{}")


def writes_into_the_home(scene: Scene) -> None:
    Path(scene.home, "ddaemon.toml").write_text("")


def writes_elsewhere(scene: Scene) -> None:
    Path(scene.elsewhere, "x").write_text("x")


def reads_the_database(scene: Scene) -> None:
    Path(scene.home, "state.db").read_bytes()


def reads_the_settings(scene: Scene) -> None:
    Path(scene.home, "ddaemon.toml").read_bytes()


def lists_another_folder(scene: Scene) -> None:
    list(Path(scene.elsewhere).iterdir())


def reads_by_a_link_in_work(scene: Scene) -> None:
    link = Path(scene.home, "work", "link")
    link.symlink_to(Path(scene.home, "state.db"))
    link.read_bytes()


def kills_a_bystander(scene: Scene) -> None:
    os.kill(scene.bystander, signal.SIGTERM)


def traces_a_bystander(scene: Scene) -> None:
    if LIBC.ptrace(PTRACE_ATTACH, scene.bystander, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def looks_into_a_bystander(scene: Scene) -> None:
    Path(f"/proc/{scene.bystander}/environ").read_bytes()


def runs_a_program(_scene: Scene) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def forks(_scene: Scene) -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def raises_its_limits(_scene: Scene) -> None:
    most = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
    except ValueError as error:
        raise PermissionError(str(error)) from error


ESCAPES: list[Callable[[Scene], None]] = [
    connects,
    sends_a_datagram,
    opens_a_socket_of_this_machine,
    writes_into_the_inbox,
    alters_the_video,
    empties_the_video,
    deletes_the_video,
    changes_the_rights_of_the_video,
    writes_into_the_outbox,
    writes_into_the_home,
    writes_elsewhere,
    reads_the_database,
    reads_the_settings,
    lists_another_folder,
    reads_by_a_link_in_work,
    kills_a_bystander,
    traces_a_bystander,
    looks_into_a_bystander,
    runs_a_program,
    forks,
    raises_its_limits,
]


class Forged:
    """A pickle that makes a file when it is read."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.file, "w")


def answers_with_a_forged_pickle(file: str) -> Forged:
    """Sends it past the worker's own check, as code that took it over would."""
    answers.read_reply = len
    return Forged(file)


def says_what_no_worker_says() -> None:
    """Sends nonsense in the place of its greeting, once the right one was sent."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        try:
            # What Connection.send_bytes sends: the length, then the bytes.
            os.write(int(name), len(b"h[").to_bytes(4, "big") + b"h[")
        except OSError:
            continue
    time.sleep(600)


def leaves_a_child_and_dies() -> None:
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os.abort()


def reads_and_works(scene: Scene) -> int:
    """What a stage has to do; the number of bytes of the video."""
    work = Path(scene.home, "work", "attempt")
    work.mkdir()
    (work / "new").write_text("x")
    (work / "new").rename(work / "verdict.json")
    (work / "verdict.json").unlink()
    work.rmdir()
    return len(Path(scene.home, "inbox", "video.mp4").read_bytes())


def most_of(which: int) -> int:
    return resource.getrlimit(which)[0]


def burns() -> None:
    while True:
        pass


def takes_memory(count: int) -> int:
    return len(bytearray(count))


def fills_a_file(scene: Scene) -> None:
    with Path(scene.home, "work", "large").open("wb") as file:
        os.ftruncate(file.fileno(), most_of(resource.RLIMIT_FSIZE) + 1)
