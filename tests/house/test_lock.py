"""The lock gives every promised Python the same libraries, and CI tries each of them."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from ddaemon.tests.house.scripts import load_script

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))? \\$", re.M)


PYTHONS = load_script("pythons").promised()


def locked_for(python: str, text: str) -> dict[str, list[str]]:
    """The versions of each library that pip would take on Linux with this Python."""
    found: dict[str, list[str]] = defaultdict(list)
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    for pin in PIN.finditer(text):
        marker = Marker(pin["marker"]) if pin["marker"] else None
        if marker is None or marker.evaluate(environment | {"sys_platform": "linux"}):
            found[pin["name"]].append(pin["version"])
    return found


def test_every_promised_python_gets_the_same_version_of_each_library() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    first = locked_for(PYTHONS[0], lock)
    assert first["av"]
    for python in PYTHONS:
        found = locked_for(python, lock)
        assert all(len(versions) == 1 for versions in found.values()), python
        for name in first.keys() & found.keys():
            assert first[name] == found[name], f"{name} on Python {python}"


def test_two_versions_of_a_library_are_seen() -> None:
    text = (
        "av==18.1.0 ; python_full_version < '3.12' \\\n"
        "av==19.0.2 ; python_full_version >= '3.12' \\\n"
    )
    assert locked_for("3.11", text) == {"av": ["18.1.0"]}
    assert locked_for("3.12", text) == {"av": ["19.0.2"]}


def test_the_promised_pythons_are_those_that_pip_accepts_and_the_docs_name() -> None:
    project = load_script("pythons").tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    accepted = SpecifierSet(project["requires-python"])
    assert PYTHONS == ["3.11", "3.12", "3.13"]
    assert all(f"{python}.0" in accepted for python in PYTHONS)
    assert "3.10.99" not in accepted
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / "README.md").read_text()


def test_ci_tries_every_promised_python() -> None:
    assert "\nmake pythons\n" in (ROOT / ".ci" / "run").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert "pythons.py $(VENV)-uv/bin/uv $(PYTHONS)" in makefile


@pytest.mark.parametrize("python", ["9.9"])
def test_a_python_that_is_not_to_be_had_is_a_failure_in_one_line(python: str) -> None:
    with pytest.raises(SystemExit, match=f"Python {python} is neither on this machine nor"):
        load_script("pythons").find_python("false", python)
