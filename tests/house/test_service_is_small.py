"""The service's own process holds no decoder, no parser and no network, also at run time."""

import subprocess
import sys

import pytest

from ddaemon.cli.main import COMMANDS

HEAVY = (
    "tensorflow",
    "keras",
    "openvino",
    "av",
    "c2pa",
    "cv2",
    "sklearn",
    "matplotlib",
    "pandas",
    "numpy",
)


def loaded_by(module: str) -> set[str]:
    script = f"import sys, {module}; print(*sorted(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    return {name.split(".")[0] for name in out.split()}


def test_the_service_imports_no_decoder_and_no_network() -> None:
    assert not loaded_by("ddaemon.daemon.service") & set(HEAVY)


def test_the_service_imports_a_driver_or_migrations_only_when_it_needs_them() -> None:
    assert not loaded_by("ddaemon.daemon.service") & {"alembic", "psycopg"}


def test_the_service_imports_what_sends_notices_only_when_it_sends_one() -> None:
    assert not loaded_by("ddaemon.daemon.service") & {"urllib3", "apprise", "requests"}


@pytest.mark.parametrize("command", ["status", "export"])
def test_who_only_reads_imports_neither_those_nor_the_database_library(command: str) -> None:
    assert not loaded_by(f"ddaemon.cli.{command}") & {
        *HEAVY,
        "sqlalchemy",
        "alembic",
        "psycopg",
        "pydantic",
    }
    assert not loaded_by(f"ddaemon.cli.{command}") & {*HEAVY, "sqlalchemy", "pydantic"}


def test_the_types_of_a_verdict_are_read_without_what_checks_one() -> None:
    loaded = loaded_by("ddaemon.record.schema, ddaemon.record.words, ddaemon.cli.show")
    assert not loaded & {*HEAVY, "sqlalchemy", "pydantic"}


def test_the_list_of_commands_is_shown_without_importing_any() -> None:
    script = (
        "import contextlib, sys\n"
        "from ddaemon.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = done.stderr.split()
    assert "ddaemon.cli.main" in loaded
    assert not {f"ddaemon.cli.{name}" for name in COMMANDS} & {*loaded}
    assert not {"sqlalchemy", "pydantic", *HEAVY} & {name.split(".")[0] for name in loaded}
    for name, purpose in COMMANDS.items():
        assert f"  {name} " in done.stdout
        assert purpose in done.stdout, "a line of the list is longer than a terminal's"
