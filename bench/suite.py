"""Measures everything in one run and writes bench/RESULTS.md.

    .venv/bin/python bench/suite.py [NAME ...]

Each file runs in a process of its own, one after the other. With names, only those are measured
and RESULTS.md is left alone. Ratios compare what ran in turns in the same process; absolute times,
under "aside", are this machine's and nobody else's.
"""

import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
from figures import MARK, Figure, line

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
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


if __name__ == "__main__":
    main()
