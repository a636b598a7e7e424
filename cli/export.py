"""`ddaemon export`."""

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import click

from ..daemon.home.home import Home
from ..storage.text import cell
from ..storage.times import iso
from ..storage.verdict_list import VerdictList, VerdictView
from .moments import MOMENT

COLUMNS = (
    "job", "name", "sha256", "received_at", "finished_at", "state", "number", "status", "decision",
    "reason", "probability", "folder", "error", "detector", "detector_version", "detector_sha256",
    "human_decision", "human_by", "human_at", "human_note",
)  # fmt: skip
ExportRow = dict[str, Any]


@click.command("export")
@click.option("--csv", "form", flag_value="csv", help="Write a table for spreadsheets.")
@click.option("--jsonl", "form", flag_value="jsonl", help="Write one JSON record per line.")
@click.option("--since", type=MOMENT, help="Only what ended since then (ISO 8601, or 7d, 24h).")
@click.option("--until", type=MOMENT, help="Only what ended before then.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, which appears whole or not at all.",
)
@click.pass_obj
def command(
    home: Home, form: str | None, since: float | None, until: float | None, out: Path | None
) -> None:
    """Write out the verdicts of a period, one row each, and the jobs that were quarantined
    (docs/export.md)."""
    if form is None:
        raise click.UsageError("say --csv or --jsonl")
    home.require()
    found = VerdictList(home.database)
    rows = found.between(0.0 if since is None else since, math.inf if until is None else until)
    records = map(row_of, rows)
    _write(csv_lines(records) if form == "csv" else map(_json_line, records), out)
    found.close()


def row_of(view: VerdictView) -> ExportRow:
    """A row with the columns of docs/export.md."""
    found = asdict(view)
    found["status"] = "current" if found.pop("current") else "superseded"
    for name in ("received_at", "finished_at", "human_at"):
        found[name] = None if found[name] is None else iso(found[name])
    return {name: found[name] for name in COLUMNS}


def csv_lines(records: Iterable[ExportRow]) -> Iterator[str]:
    """The table, its header first; no cell is a formula, and none holds a control character."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for record in records:
        yield writer.writerow([cell(record[name]) for name in COLUMNS])


class _Line:
    """A stream for csv.writer that returns each line."""

    def write(self, line: str) -> str:
        return line


def _json_line(record: ExportRow) -> str:
    return json.dumps(record) + "\n"


def _write(lines: Iterable[str], out: Path | None) -> None:
    """Write the lines as UTF-8, whatever the terminal's encoding."""
    if out is None:
        _send(lines, sys.stdout.buffer)
        return
    beside = out.with_name(f".{out.name}.part")
    with beside.open("wb") as stream:
        _send(lines, stream)
    beside.replace(out)


def _send(lines: Iterable[str], stream: BinaryIO) -> None:
    for line in lines:
        stream.write(line.encode("utf-8", "backslashreplace"))
    stream.flush()
