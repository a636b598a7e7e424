"""How long commands that look at no pixel take, from the shell to their end.

.venv/bin/python bench/command_start.py
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median

from figures import Figure, at_most, in_turns, main
from filled import finished_home

from ddaemon.stages.shipped import data_file

JOBS = 1000  # that the home holds
ROUNDS = 9
AIM_S = 0.3
CLIP = data_file("demo-real.mp4").read_bytes()


def measure() -> Iterator[Figure]:
    """The median of each command."""
    with tempfile.TemporaryDirectory() as folder:
        home = finished_home(Path(folder) / "home", JOBS).path
        works = {
            "status": lambda: call(home, "status"),
            "jobs list": lambda: call(home, "jobs", "list"),
            "--help": lambda: call(home, "--help"),
            "submit": _submitting(home, Path(folder)),
        }
        for name, taken in zip(works, in_turns([*works.values()], ROUNDS), strict=True):
            aside = f"{JOBS} finished jobs; slowest {max(taken):.2f} s"
            yield at_most(f"`ddaemon {name}`", AIM_S, median(taken), "s", aside)


def call(home: Path, *words: str) -> None:
    """Run the command to its end, as a shell would."""
    command = [sys.executable, "-m", "ddaemon.cli", "--home", str(home), *words]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _submitting(home: Path, folder: Path) -> Callable[[], None]:
    """Each call submits a new video, copying included."""
    numbers = count()

    def submit() -> None:
        video = folder / f"{next(numbers)}.mp4"
        video.write_bytes(CLIP + video.name.encode())
        call(home, "submit", str(video))

    return submit


if __name__ == "__main__":
    main(measure)
