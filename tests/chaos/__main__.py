"""Inject every fault, and print what became of the jobs.

    python -m ddaemon.tests.chaos [--short] [--out FILE] [NAME ...]

Ends with 1 when a content was lost or published twice, or anything else was not as it should be.
"""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from ddaemon.tests.chaos.accounting import Accounts
from ddaemon.tests.chaos.everything import SCENARIOS
from ddaemon.tests.chaos.scenarios import CannotBeTried, Result, Scenario

HEAD = (
    "| fault | times injected | jobs | lost | doubled | recovered within, s |",
    "|---|---|---|---|---|---|",
)


def main() -> None:
    """Play what was asked for."""
    options = _options()
    lines, failed = list(HEAD), []
    played: list[Result] = []
    print(*HEAD, sep="\n", flush=True)
    for name in options.names or SCENARIOS:
        line, is_right = _play(SCENARIOS[name], options.short, played)
        print(line, flush=True)
        lines.append(line)
        if not is_right:
            failed.append(name)
    lines.append(_totals(played))
    print(lines[-1], flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text("\n".join(lines) + "\n")
    sys.exit(f"not as it should be: {', '.join(failed)}" if failed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *SCENARIOS], metavar="NAME")
    parser.add_argument("--short", action="store_true", help="seconds rather than minutes each")
    parser.add_argument("--out", type=Path, help="write the table there, too")
    return parser.parse_args()


def _play(scenario: Scenario, short: bool, played: list[Result]) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory(prefix=f"chaos-{scenario.name}-") as folder:
        try:
            result = scenario.play(Path(folder) / "scene", short)
        except CannotBeTried as why:
            return f"| {scenario.fault} | not tried: {why} | | | | |", True
        except AssertionError:
            traceback.print_exc()
            return f"| {scenario.fault} | FAILED | | | | |", False
    played.append(result)
    for fault in result.accounts.faults:
        print(fault, file=sys.stderr)
    return _line(scenario, result), result.accounts.are_right


def _line(scenario: Scenario, result: Result) -> str:
    accounts = result.accounts
    seconds = "" if result.recovery_s is None else f"{result.recovery_s:.1f}"
    fault = f"{scenario.fault}; {result.note}" if result.note else scenario.fault
    numbers = [result.injected, accounts.jobs, accounts.lost, accounts.doubled, seconds]
    return "| " + " | ".join([fault, *map(str, numbers)]) + " |"


def _totals(played: list[Result]) -> str:
    accounts = sum((result.accounts for result in played), Accounts())
    numbers = [
        sum(result.injected for result in played),
        accounts.jobs,
        accounts.lost,
        accounts.doubled,
    ]
    return "| " + " | ".join(["all together", *map(str, numbers), ""]) + " |"


if __name__ == "__main__":
    main()
