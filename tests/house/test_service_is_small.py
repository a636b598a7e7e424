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


def test_the_list_of_commands_is_shown_without_the_database_library_or_a_decoder() -> None:
    every = ", ".join(f"ddaemon.cli.{module}" for module in COMMANDS.values())
    assert not loaded_by(every) & {*HEAVY, "sqlalchemy"}
