"""A worker process as `ddaemon check` starts it, and what it holds in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ddaemon.daemon.home.config import read_config_if_any
from ddaemon.daemon.verify.checker import Checker
from ddaemon.storage.registry import Registry

CLIPS = Path(__file__).parent.parent / "stages" / "data"
DEMO = CLIPS / "demo-forged.mp4"


@contextmanager
def fresh_checker(*videos: Path) -> Iterator[Checker]:
    """A checker at the default settings that may read the shipped clips and `videos`, and has
    judged nothing yet: its process starts with the first call."""
    config = read_config_if_any(Path("no-such-file"))
    detector = Registry.of_bundled().active()
    with (
        tempfile.TemporaryDirectory() as out,
        Checker(config, detector, [CLIPS, *videos], Path(out)) as checker,
    ):
        yield checker


def resident_mb() -> tuple[float, float]:
    """What the one worker process of this one holds in memory, and the most it ever held."""
    (worker,) = (child for child in psutil.Process().children() if _is_worker(child))
    told = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    kilobytes = {line.split(":")[0]: line.split()[1] for line in told if line.startswith("Vm")}
    return int(kilobytes["VmRSS"]) / 1000, int(kilobytes["VmHWM"]) / 1000


def _is_worker(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())
