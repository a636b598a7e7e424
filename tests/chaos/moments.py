"""A file that is altered at the worst moment: while it settles, is examined, claimed, decoded."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

from ddaemon.stages.media.encode import write_video
from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import SETTINGS, Scene, sha256_of
from ddaemon.tests.clips import numbered_frame

# At which point the service or its worker is held until the file was altered. "Examined" is
# before the content is known, the others are after its acceptance.
MOMENTS = {
    "examined": ("worker", "open for reading in daemon/intake/identify.py:*"),
    "accepted": ("service", "before commit in storage/queue.py:Queue.enqueue_all:*"),
    "claimed": ("worker", "open for writing in daemon/dispatch/worker.py:_ProgressFile*"),
    "decoded": ("worker", "open for reading in stages/media/boxes.py:*"),
    "judged": ("worker", "open for writing in record/file.py:*"),
    "read": ("service", "before commit in storage/queue.py:Queue.begin_publishing:*"),
}
SIZE = 60_000  # bytes of every clip: by its size alone none is told from another
SHORT = (
    ("examined", "replace"), ("accepted", "forge"), ("claimed", "truncate"), ("claimed", "rename"),
    ("decoded", "replace"), ("judged", "append"), ("read", "delete"),
)  # fmt: skip
SETTLE_LONG_S = 5.0
FPS = 25
Deed = Callable[["Case"], None]


class Case:
    """One clip in the inbox, and one that may take its place: the first lasts 4 frames of 25 a
    second, the second 8."""

    def __init__(self, scene: Scene, number: int) -> None:
        self.scene, self.number = scene, number
        folder = scene.folder / "clips"
        self.clip = sized(folder / "four.mp4", folder / f"a{number}.mp4", number)
        self.other = sized(folder / "eight.mp4", folder / f"b{number}.mp4", number)
        self.sha256 = sha256_of(self.clip)
        self.frames = {self.sha256: 4, sha256_of(self.other): 8}  # by content
        self.place = scene.put(self.clip)

    def replace(self) -> None:
        self.other.replace(self.place)
        self.scene.count_on(self.place)

    def forge(self) -> None:
        """Other bytes in the same file; size, time and inode stay."""
        status = self.place.stat()
        with self.place.open("r+b") as stream:
            stream.write(self.other.read_bytes())
        os.utime(self.place, ns=(status.st_atime_ns, status.st_mtime_ns))
        self.scene.count_on(self.place)

    def truncate(self) -> None:
        os.truncate(self.place, SIZE // 100 + self.number)  # a content of its own
        self.scene.count_on(self.place)

    def append(self) -> None:
        with self.place.open("ab") as stream:
            stream.write((8).to_bytes(4, "big") + b"free")
        self.scene.count_on(self.place)

    def rename(self) -> None:
        self.place.rename(self.place.with_name(f"renamed-{self.place.name}"))

    def delete(self) -> None:
        self.place.unlink()


DEEDS: dict[str, Deed] = {
    deed.__name__: deed
    for deed in (Case.replace, Case.forge, Case.truncate, Case.append, Case.rename, Case.delete)
}


@scenario("altered", "a file replaced, forged, cut, appended to, renamed, deleted at each moment")
def altered(folder: Path, short: bool) -> Result:
    # What is forged after its verdict is not noticed: docs/chaos.md, limits.
    every = [case for case in product(MOMENTS, DEEDS) if case != ("read", "forge")]
    cases = SHORT if short else every
    with closing(_scene(folder)) as scene:
        scene.start_with(role="nobody", label="no point")
        slowest, quarantined = 0.0, set()
        frames: dict[str, int] = {}
        for number, (moment, deed) in enumerate(cases):
            role, label = MOMENTS[moment]
            scene.plan(role=role, label=label, thread=None, deed="wait")
            case = Case(scene, number)
            frames |= case.frames
            _alter_at(scene, case, moment, DEEDS[deed])
            if moment == "examined" and deed != "rename":
                scene.forget(case.sha256)
            elif moment not in ("examined", "read") and deed != "rename":
                quarantined.add(case.sha256)
            slowest = max(slowest, scene.wait_settled())
            if deed == "forge" and moment != "examined":  # the last attempt doubts it once more
                scene.wait_log(f" {case.place.name} is the content of")
        assert scene.stop() == 0
        _require_truth(scene, quarantined, frames)
        return Result(len(cases), scene.accounts(), slowest)


@scenario(
    "altered-settling", "a file replaced, cut, appended to, renamed, deleted while it settles"
)
def altered_settling(folder: Path, short: bool) -> Result:
    with closing(_scene(folder)) as scene:
        scene.configure(SETTINGS.replace("settle = 0.1", f"settle = {SETTLE_LONG_S}"))
        scene.start()
        scene.wait_log("ready")
        cases = [(Case(scene, number), deed) for number, deed in enumerate(DEEDS)]
        note = scene.home / "service.json"
        scene.until(note.exists, "the service's first note")
        scene.until(lambda: _json(note)["arrivals"]["settling"] == len(cases), "settling")
        for case, deed in cases:
            DEEDS[deed](case)
            if deed != "rename":
                scene.forget(case.sha256)
        recovery = scene.wait_settled()
        assert scene.stop() == 0
        frames = {sha256: n for case, _ in cases for sha256, n in case.frames.items()}
        _require_truth(scene, set(), frames)
        return Result(len(cases), scene.accounts(), recovery)


def sized(source: Path, target: Path, salt: int) -> Path:
    """The same video with another content and `SIZE` bytes: a `free` box behind the last one."""
    room = SIZE - source.stat().st_size
    payload = salt.to_bytes(room - 8, "big")
    target.write_bytes(source.read_bytes() + room.to_bytes(4, "big") + b"free" + payload)
    return target


def _scene(folder: Path) -> Scene:
    scene = Scene(folder)
    # A file that was renamed must be found again before the second attempt.
    settings = SETTINGS.replace("max_attempts = 5", "max_attempts = 2")
    scene.configure(settings.replace("backoff = 0.1", "backoff = 0.6"))
    for name, count in (("four", 4), ("eight", 8)):
        write_video(folder / "clips" / f"{name}.mp4", (numbered_frame(n) for n in range(count)))
    return scene


def _alter_at(scene: Scene, case: Case, moment: str, deed: Deed) -> None:
    scene.wait_struck()
    deed(case)
    if deed is Case.rename and moment in ("claimed", "decoded", "judged"):
        scene.wait_log(f"renamed-{case.place.name} is the content of")
    scene.go_on()


def _require_truth(scene: Scene, quarantined: set[str], frames: dict[str, int]) -> None:
    """Whoever's bytes were gone is in quarantine, and says so; every verdict is of the content
    that it names."""
    reasons = {
        record["sha256"]: record["last_error"]
        for record in map(_json, scene.quarantine.glob("*/reason.json"))
    }
    assert reasons.keys() == quarantined, (reasons, quarantined)
    assert all(why.startswith("VideoChanged: ") for why in reasons.values()), reasons
    for verdict in scene.verdicts():
        of, container = verdict["input"]["sha256"], verdict["input"]["container"]
        found = container and round(container["duration_s"] * FPS)
        assert frames.get(of, found) == found, (verdict["input"], frames[of])


def _json(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_bytes())
    return record
