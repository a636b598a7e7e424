"""A thread of the service that ends, hangs, or is stopped for longer than others wait for it."""

import time
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene

TOLD = '[notify]\ncommand = ["/bin/true"]\n'  # without it the notifier has nothing to do
PUBLISHED = "after commit in storage/queue.py:Queue.finish"
ACCEPTED = "after commit in storage/queue.py:Queue.enqueue"
# The thread, whether the inbox is exchanged first, and what the service says of its death.
# The watcher has three threads, and a second watcher shares one of them with the first.
WATCHER = "the inbox's watcher died"
DEATHS = (
    ("publisher", False, "the publisher's thread died"),
    ("notifier", False, "the notifier's thread died"),
    ("InotifyFD", True, WATCHER),
    ("InotifyFD", False, WATCHER),
    ("InotifyEmitter", False, WATCHER),
    ("InotifyObserver", False, WATCHER),
)
SHORT_DEATHS = DEATHS[:3]


@scenario(
    "thread-dies",
    "the publisher, the notifier, each thread of the watcher dies in the middle of its work",
)
def thread_dies(folder: Path, short: bool) -> Result:
    deaths = SHORT_DEATHS if short else DEATHS
    with closing(Scene(folder, TOLD)) as scene:
        for victim, is_exchanged, words in deaths:
            scene.start_with(role="nobody", label=None)
            scene.wait_log("ready")
            if is_exchanged:
                _exchange_inbox(scene)
            _end_thread(scene, victim)
            _require_end(scene, words)
        recovery = scene.drain()
        return Result(len(deaths), scene.accounts(), recovery)


def _exchange_inbox(scene: Scene) -> None:
    """As an unmount does: the service watches anew."""
    scene.wait_settled()
    scene.inbox.rename(scene.folder / "inbox before")
    scene.inbox.mkdir()
    scene.drop()
    scene.wait_settled()


def _end_thread(scene: Scene, victim: str) -> None:
    """In mid-work: it ends as soon as it does anything, for which there is more work."""
    if victim == "publisher":
        scene.plan(role="service", label=PUBLISHED, thread=victim, deed="raise")
    else:
        label = PUBLISHED if victim == "notifier" else ACCEPTED
        scene.plan(role="service", label=label, thread=None, deed="end thread", victim=victim)
    scene.drop()
    assert scene.service is not None
    while not scene.is_struck and scene.service.poll() is None:
        time.sleep(0.05)
    scene.drop()


def _require_end(scene: Scene, words: str) -> None:
    code = scene.wait()
    assert scene.is_struck, f"the thread was not ended:\n{scene.log.read_text()}"
    assert code == 1, f"the service ended with {code}:\n{scene.log.read_text()}"
    assert scene.count_log(f"(?m)^ +RuntimeError: {words}$") == 1, scene.log.read_text()
    scene.log.write_text("")
