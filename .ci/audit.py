"""Asks an advisory service about every locked dependency, by pip-audit: `make audit`.

Exit 1 when a vulnerability is known. When no service could be asked that is said, and is no
failure: a machine that can't ask knows nothing of them. pip-audit itself calls that "no known
vulnerabilities".
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

SERVICES = ("pypi", "osv")  # the second is asked when the first knows nothing


def main(program: str, lock: str) -> int:
    """Ask one service after the other; print what came of it."""
    for service in SERVICES:
        report, why = ask(program, lock, service)
        code, said = judge(report, why)
        print(f"audit by {service}: {said}")
        if code is not None:
            return code
    print("audit: NOTHING WAS AUDITED: no advisory service could be asked from here")
    return 0


def ask(program: str, lock: str, service: str) -> tuple[dict[str, Any] | None, str]:
    """pip-audit's report, or None and the last that it said."""
    words = [program, "--vulnerability-service", service, "--progress-spinner", "off"]
    words += ["--disable-pip", "--require-hashes", "--requirement", lock, "--format", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return None, last
    return report, last


def judge(report: dict[str, Any] | None, why: str) -> tuple[int | None, str]:
    """The exit code, None when nothing was learned, and what to say."""
    if report is None:
        return None, f"not reached ({why[:200]})"
    known = [one for one in report["dependencies"] if "skip_reason" not in one]
    bad = [line for one in known for line in lines_of(one)]
    total = len(report["dependencies"])
    if bad:
        return 1, "\n".join([f"{len(bad)} known vulnerabilities", *bad])
    if not known:
        return None, f"not one of {total} dependencies is known there"
    return 0, f"{len(known)} of {total} dependencies audited, no known vulnerability"


def lines_of(dependency: dict[str, Any]) -> Sequence[str]:
    return [
        f"  {dependency['name']} {dependency['version']}: {fault['id']}, mended in "
        f"{', '.join(fault['fix_versions']) or 'no version yet'}"
        for fault in dependency["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
