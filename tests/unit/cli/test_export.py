"""What others call their files does nothing to whoever opens the export."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ddaemon.cli.export import COLUMNS
from ddaemon.cli.main import cli
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.queue import Arrival, Outcome, Queue

HOSTILE = [
    '=cmd("x")', "+1", "-1", "@x", "\tx", 'a,"b"\n;c', "лицо", "\x1b[31mred", "x;=1", ' "=1', "＝1",
    "x;\n'+1",
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a verdict on a file of each name."""
    call(tmp_path, "init")
    queue = Queue(Database.open(tmp_path / "state.db"))
    for number, name in enumerate(HOSTILE):
        content = f"{number:064}"
        job, _ = queue.enqueue(Arrival(tmp_path / name, FileStamp(1, 2, 3), content, number))
        claim = queue.claim(60)
        assert claim is not None
        queue.begin_publishing(claim, Outcome("real", None, 0.25), f"f-{job}")
        queue.finish(job, "f" * 64)
    return tmp_path


def call(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["--home", str(home), *words])
    assert done.exit_code == code, done.output
    return done.output


def test_csv_has_no_formula_and_no_control_character(home: Path) -> None:
    call(home, "export", "--csv", "--out", str(home / "out.csv"))
    text = (home / "out.csv").read_text(encoding="utf-8")
    table = list(csv.DictReader(text.splitlines()))
    assert [row["name"] for row in table] == [
        "'=cmd(\"x\")", "'+1", "'-1", "'@x", "'\\tx", 'a,"b"\\n;c', "лицо", "\\x1b[31mred",
        "x;'=1", "' \"=1", "'＝1", "x;'\\n'+1",
    ]  # fmt: skip
    assert tuple(table[0]) == COLUMNS
    assert {row["probability"] for row in table} == {"0.25"}
    assert not list(home.glob("*.part"))


def test_json_lines_hold_every_name_as_it_is(home: Path) -> None:
    records = [json.loads(line) for line in call(home, "export", "--jsonl").splitlines()]
    assert [record["name"] for record in records] == HOSTILE
    assert records[0]["received_at"] == "1970-01-01T00:00:00.000Z"
    assert {record["status"] for record in records} == {"current"}


def test_a_period_without_verdicts_is_a_table_without_rows(home: Path) -> None:
    assert call(home, "export", "--csv", "--until", "2000-01-01").splitlines() == [
        ",".join(COLUMNS)
    ]
    assert call(home, "export", "--jsonl", "--since", "2999-01-01") == ""


def test_a_wrong_time_and_a_missing_form_are_said_in_one_line(home: Path) -> None:
    assert "'soon' is no time" in call(home, "export", "--csv", "--since", "soon", code=2)
    assert "say --csv or --jsonl" in call(home, "export", code=2)
