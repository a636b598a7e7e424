"""Measures everything in one run and writes bench/RESULTS.md.

    .venv/bin/python bench/suite.py [NAME ...]

Each file runs in a process of its own, one after the other. With names, only those are measured
and RESULTS.md is left alone. Ratios compare what ran in turns in the same process; absolute times,
under "aside", are this machine's and nobody else's.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from figures import MARK, Figure, line, seconds  # before NumPy, which it keeps to one thread

import numpy as np  # isort: skip

BENCH = Path(__file__).parent
RESULTS = BENCH / "RESULTS.md"
FILES = (
    "pipeline",
    "backbones",
    "command_start",
    "service_cost",
    "worker_start",
    "video_length",
    "worker_count",
    "shared_network",
    "training_features",
    "intake_rate",
    "queue_size",
)
NAMED = (
    "openvino",
    "av",
    "opencv-python-headless",
    "numpy",
    "keras",
    "tensorflow-cpu",
    "sqlalchemy",
)
VECTORS = ("avx512f", "avx2", "avx")  # the widest first
MATRIX, ADDITIONS, TRIES = 1024, 10_000_000, 5
HEAD = ("| figure | aim | measured | | aside |", "|---|---|---|---|---|")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(FILES))
def main(names: tuple[str, ...]) -> None:
    rows, failed = [*HEAD], []
    for name in names or FILES:
        figures, code = _measured(name)
        rows += [line(figure) for figure in figures]
        if code:
            failed.append(name)
            rows.append(f"| `bench/{name}.py` ended with {code} | | | **failed** | |")
    if not names:
        RESULTS.write_text("\n".join([_title(), *rows, ""]), encoding="utf-8")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _measured(name: str) -> tuple[list[Figure], int]:
    """What a file measured, and how it ended."""
    words = [sys.executable, str(BENCH / f"{name}.py")]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    lines = [text for text in done.stdout.splitlines() if text.startswith(MARK)]
    return [Figure(**json.loads(text.removeprefix(MARK))) for text in lines], done.returncode


def _title() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in NAMED)
    return (
        f"# What `make bench` measured\n\n{datetime.now(UTC):%Y-%m-%d}, {_machine()}, Python "
        f"{platform.python_version()}, {versions}.\n"
    )


def _machine() -> str:
    """Its processors, and two yardsticks, because a name alone can mean any of several speeds."""
    told = dict(part.split("\t:", 1) for part in _processor() if "\t:" in part)
    flags = told.get("flags", "").split()
    vectors = next((name for name in VECTORS if name in flags), "no AVX")
    name = told.get("model name", platform.machine()).strip()
    return (
        f"{os.cpu_count()} x {name} ({vectors}; in one thread {_gigaflops():.0f} GFLOPS of NumPy's "
        f"matrix product, {ADDITIONS / 1e6:.0f} million additions of Python in "
        f"{_additions_s():.2f} s)"
    )


def _processor() -> list[str]:
    """The first one's lines."""
    return Path("/proc/cpuinfo").read_text().split("\n\n")[0].replace("\t\t", "\t").splitlines()


def _gigaflops() -> float:
    matrix = np.ones((MATRIX, MATRIX), np.float32)
    return 2e-9 * MATRIX**3 / min(seconds(lambda: matrix @ matrix) for _ in range(TRIES))


def _additions_s() -> float:
    def add() -> None:
        total = 0
        for number in range(ADDITIONS):
            total += number

    return min(seconds(add) for _ in range(TRIES))


if __name__ == "__main__":
    main()
