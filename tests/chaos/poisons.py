"""Videos that end their worker, hold it up, eat its memory, or have headers that claim too much."""

import json
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import SETTINGS, Scene
from ddaemon.tests.oversized_headers import all_oversized_headers
from ddaemon.tests.third_party import install_third_party, with_deeds

ATTEMPTS = 2
LIMITS = "[workers]\njob_seconds = 8\nmemory_mb = 1500\n"
WHY = {  # what the worker does when it meets the video, and what the quarantine says of it
    "abort": "SIGABRT",
    "crash": "SIGSEGV",
    "hoard": "workers.memory_mb",
    "connect": "PermissionError",
    "eat": "workers.memory_mb",
    "hold": "no sign of life for queue.lease",
    "sleep": "workers.job_seconds",
    "burn": "workers.job_seconds",
}
SHORT = 3  # of them


@scenario(
    "poison",
    "videos that crash their worker, never end, eat memory, connect; others that claim "
    "100,000 x 100,000 pixels or 10^9 frames",
)
def poison(folder: Path, short: bool) -> Result:
    deeds = list(WHY)[: SHORT if short else None]
    with closing(Scene(folder)) as scene:
        settings = SETTINGS.replace("max_attempts = 5", f"max_attempts = {ATTEMPTS}")
        settings = settings.replace("[queue]\n", "[queue]\nlease = 5\nheartbeat = 0.5\n") + LIMITS
        scene.configure(with_deeds({f"{deed}.mp4": deed for deed in deeds}, settings))
        for deed in deeds:
            scene.put(scene.make(scene.face), f"{deed}.mp4")
            scene.drop(1, scene.face)
        oversized = [scene.put(clip) for clip in all_oversized_headers(folder)]
        scene.start("--drain", **install_third_party(folder / "third_party"))
        assert scene.wait() == 0, scene.log.read_text()
        _require_reasons(scene, deeds)
        return Result(ATTEMPTS * len(deeds) + len(oversized), scene.accounts())


def _require_reasons(scene: Scene, deeds: list[str]) -> None:
    """Each poison is in quarantine after its attempts, for what it did, and nothing else is."""
    reasons = [json.loads(file.read_text()) for file in scene.quarantine.glob("*/reason.json")]
    found = {Path(reason["name"]).stem: reason for reason in reasons}
    assert set(found) == set(deeds), sorted(found)
    for deed in deeds:
        assert WHY[deed] in found[deed]["last_error"], found[deed]
        assert found[deed]["attempts"] == ATTEMPTS, found[deed]
