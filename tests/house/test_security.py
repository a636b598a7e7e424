"""Every loosened guard has its reason beside it, and nothing unaudited is called sound."""

import re
import tomllib
from pathlib import Path

import pytest

from ddaemon.tests.house.rooms import ROOMS, sources
from ddaemon.tests.house.scripts import load_script

ROOT = Path(__file__).parents[2]
# Lines of the unit that are looser than systemd's tightest; the line above must say why.
LOOSE = ("UMask=0027", "ProcSubset=all", "SystemCallFilter=sched_setaffinity")
UNITS = ROOT / "systemd"


def test_all_security_rules_are_on_for_all_that_is_shipped() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == []
    for pattern, rules in lint["per-file-ignores"].items():
        assert "S" not in rules or pattern in ("tests/**", "bench/**", ".ci/**")


def test_every_exception_from_a_security_rule_says_why() -> None:
    bare = []
    for room in ROOMS:
        for path in sources(room):
            lines = path.read_text().splitlines()
            for number, line in enumerate(lines):
                found = re.search(r"# noqa: .*\bS\d+\b(.*)", line)
                above = lines[number - 1].strip().startswith("#") if found else True
                if found and not above and not re.search(r"\(.{8,}\)|- .{8,}", found[1]):
                    bare.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert bare == []


def test_every_loosened_line_of_the_unit_has_its_reason_above_it() -> None:
    lines = (UNITS / "ddaemon.service").read_text().splitlines()
    for loose in LOOSE:
        place = lines.index(loose)
        while not lines[place - 1].startswith("#") and lines[place - 1].strip():
            place -= 1
        assert lines[place - 1].startswith("#"), loose
    assert any("MemoryDenyWriteExecute stays off" in line for line in lines)


def test_the_units_folders_are_closed_to_others() -> None:
    rows = [
        line.split()
        for line in (UNITS / "ddaemon.tmpfiles.conf").read_text().splitlines()
        if line.startswith("d ")
    ]
    assert rows
    for _kind, path, mode, user, group, _age in rows:
        assert (user, group) == ("ddaemon", "ddaemon")
        assert mode.endswith("0"), f"others may enter {path}"
        may_write = int(mode[-2], 8) & 2
        assert bool(may_write) == path.endswith("/inbox"), "the group drops videos, and no more"
    unit = (UNITS / "ddaemon.service").read_text()
    assert "StateDirectoryMode=0750" in unit
    assert "UMask=0027" in unit


VULNERABLE = {
    "name": "x", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}],
}  # fmt: skip
SOUND = {"name": "y", "version": "1", "vulns": []}
UNKNOWN = {"name": "z", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([SOUND, VULNERABLE, UNKNOWN], 1, "x 1: PYSEC-1, mended in 2"),
        ([SOUND, UNKNOWN], 0, "1 of 2 dependencies audited"),
        ([UNKNOWN, UNKNOWN], None, "not one of 2 dependencies is known there"),
    ],
)
def test_an_audit_that_learned_nothing_is_not_called_clean(dependencies, code, said) -> None:
    found, text = load_script("audit").judge({"dependencies": dependencies}, "")
    assert found == code
    assert said in text


def test_an_audit_that_reached_nobody_says_so_and_does_not_fail(tmp_path, capsys) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'no route to anybody' >&2\nexit 1\n")
    program.chmod(0o755)
    assert load_script("audit").main(str(program), "requirements.lock") == 0
    said = capsys.readouterr().out
    assert "not reached (no route to anybody)" in said
    assert "NOTHING WAS AUDITED" in said


def test_the_threat_model_is_written_down_and_led_to() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for heading in ("## The threat model", "## Report a vulnerability", "## Supported versions",
                    "## What guards what", "## Not tested", "## Limits"):  # fmt: skip
        assert heading in text
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text()
