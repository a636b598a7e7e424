"""Damaged videos of every container through the real service."""

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

from ddaemon.tests.chaos.mutants import Nursery
from ddaemon.tests.chaos.scenarios import Result, scenario
from ddaemon.tests.chaos.scene import Scene, sha256_of

MUTANTS, MUTANTS_SHORT = 1_000, 40
SETTINGS = """
[workers]
count = 2
job_seconds = 20
"""


@scenario("fuzz", "damaged videos: mp4, mov, mkv, webm, avi")
def fuzz(folder: Path, short: bool) -> Result:
    number = MUTANTS_SHORT if short else MUTANTS
    with closing(Scene(folder, SETTINGS)) as scene:
        nursery = Nursery(folder / "mutants")
        contents = set()
        for mutant in map(nursery.mutant, range(number)):
            contents.add(sha256_of(mutant))
            scene.put(mutant)
        scene.start("--drain")
        recovery = scene.wait_settled(3600)  # with the same process from beginning to end
        assert scene.wait() == 0, scene.log.read_text()
        assert not scene.count_log("Traceback"), scene.log.read_text()
        return Result(len(contents), scene.accounts(), recovery, _outcomes(scene))


def _outcomes(scene: Scene) -> str:
    decisions = Counter(verdict["decision"] for verdict in scene.verdicts())
    told = [f"{count} {decision}" for decision, count in decisions.most_common()]
    for record in sorted(scene.quarantine.glob("*/reason.json")):
        reason = json.loads(record.read_bytes())
        told.append(f"{reason['name']} in quarantine ({reason['last_error']})")
    return ", ".join(told)
