"""Runs a command and prints its seconds and the most memory that it and its children held.

    .venv/bin/python bench/peak_memory.py ddaemon train DATASET ...

Memory is the sum of the processes' resident sets, looked at ten times a second; what they share
(such as mapped files) is counted once for each, so the true figure is lower.
"""

import subprocess
import sys
import time

import psutil

LOOK_S = 0.1


def main(command: list[str]) -> int:
    begun, peak = time.monotonic(), 0
    process = subprocess.Popen(command)
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(LOOK_S)
    print(f"{time.monotonic() - begun:.0f} s, at most {peak / 2**30:.2f} GiB resident")
    return process.returncode


def _resident(pid: int) -> int:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_of(one) for one in family)


def _of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
