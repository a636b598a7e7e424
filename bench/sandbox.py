"""What the walls around a worker cost: the time of one check without and with them, and how much
memory a worker asks for beyond what it holds."""

import multiprocessing
import statistics
import time
from pathlib import Path

import click
import psutil

from ddaemon.daemon.home.config import Config
from ddaemon.daemon.verify.checker import Checker
from ddaemon.storage.registry import Registry

MODES = ("off", "auto")


@click.command()
@click.argument("video", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--times", default=5, show_default=True, help="Checks of each kind, in turns.")
def main(video: Path, times: int) -> None:
    """Judge VIDEO without and with the walls, each time in a new process."""
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    for _ in range(times):
        for mode in MODES:
            took, memory = _check(video, mode)
            seconds[mode].append(took)
            print(f"{mode:5} {took:.2f} s, {memory}")
    off, auto = (statistics.median(seconds[mode]) for mode in MODES)
    print(f"median with walls / without: {auto / off:.3f}")


def _check(video: Path, mode: str) -> tuple[float, str]:
    config = Config.model_validate({"workers": {"sandbox": mode}})
    with Checker(config, Registry.of_bundled().active(), [video]) as checker:
        began = time.perf_counter()
        checker.check(video)
        took = time.perf_counter() - began
        (worker,) = (p for p in multiprocessing.active_children() if p.pid)
        held = psutil.Process(worker.pid).memory_info()
    asked = f"{held.data / held.rss:.2f} private, {held.vms / held.rss:.2f} mapped"
    return took, f"asked for, as a multiple of what is resident: {asked}"


if __name__ == "__main__":  # spawned workers import this file again
    main()
