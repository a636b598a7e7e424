"""Whether two checkouts judge the demo's clips alike, to the byte of `verdict.json`.

    .venv/bin/python bench/same_verdicts.py OTHER_CHECKOUT

Both run `ddaemon demo` from their own environment (`make venv`). What must differ between two runs
of even one checkout is masked first: times, seconds, job ids, the audit log's entry, and the hash
of the page, which shows the times.
"""

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
MASKED = re.compile(
    r'"(?:\w+_at|at|job|seconds|report\.html)": (?P<value>"[^"]*"|[\d.e-]+)'
    r'|"detail": (?P<entry>"entry \d+:[^"]*")'
)


def demo_records(checkout: Path) -> dict[str, list[str]]:
    """The lines of the record of each clip, masked."""
    with tempfile.TemporaryDirectory() as out:
        command = [str(checkout / ".venv" / "bin" / "ddaemon"), "demo", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folders = [folder for folder in Path(out).iterdir() if folder.is_dir()]
        return {
            folder.name.rpartition("-")[0]: masked((folder / "verdict.json").read_bytes())
            for folder in folders
        }


def masked(raw: bytes) -> list[str]:
    return MASKED.sub(_mask, raw.decode()).splitlines(keepends=True)


def _mask(found: "re.Match[str]") -> str:
    value = found["value"] or found["entry"]
    return found[0].replace(value, '"..."')


def main(other: Path) -> int:
    ours, theirs = demo_records(ROOT), demo_records(other.resolve())
    if ours.keys() != theirs.keys() or not ours:
        print(f"other clips: {sorted(ours)} here, {sorted(theirs)} there")
        return 1
    code = 0
    for clip, lines in sorted(ours.items()):
        difference = list(difflib.unified_diff(theirs[clip], lines, "there", "here"))
        code |= bool(difference)
        print(f"{clip}: {'DIFFERS' if difference else f'the same, {len(lines)} lines'}")
        sys.stdout.writelines(difference)
    return code


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
