"""`ddaemon demo`: two clips through the real service."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from ..daemon.home.home import Home
from ..record.file import read_record
from ..stages.shipped import data_file
from ..storage.errors import UserError
from ..storage.job_reader import JobReader, JobView

CLIPS = ("demo-real.mp4", "demo-forged.mp4")
PATIENCE_S = 180.0
STOP_S = 30.0


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="Where the verdicts are left for inspection.",
)
def command(out: Path) -> None:
    """Start the service on a temporary home and let it judge two clips, one of them forged (the
    same as `make demo`)."""
    with tempfile.TemporaryDirectory(prefix="ddaemon-demo-") as folder:
        home = _make_home(Path(folder) / "home", out.absolute())
        with _service(home):
            for clip in CLIPS:
                shutil.copy(data_file(clip), home.inbox / clip)
            rows = _wait_for_verdicts(JobReader(home.state))
    for row in sorted(rows, key=lambda row: CLIPS.index(row.name)):
        _show(row, out)


def _make_home(path: Path, out: Path) -> Home:
    from ..storage.database import Database

    home = Home(path)
    home.make()
    out.mkdir(parents=True, exist_ok=True)
    # A JSON string is a TOML string too, whatever characters the path has.
    home.config.write_text(f"[inbox]\nsettle = 0.5\n[outbox]\npath = {json.dumps(str(out))}\n")
    Database.create(home.state).close()
    return home


@contextmanager
def _service(home: Home) -> Iterator[None]:
    """A service in a process of its own, ended by SIGTERM as a service manager would."""
    arguments = [sys.executable, "-m", "ddaemon.cli", "--home", str(home.path), "run"]
    # A database that the environment names is not for the clips of a demo.
    others = {k: v for k, v in os.environ.items() if not k.upper().startswith("DDAEMON_DATABASE")}
    with subprocess.Popen(arguments, env=others) as process:  # noqa: S603 (a list of our own, no shell)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for_verdicts(reader: JobReader) -> list[JobView]:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ended = reader.last_ended(len(CLIPS))
        if len(ended) == len(CLIPS):
            return ended
        time.sleep(0.2)
    raise UserError(f"no verdicts within {PATIENCE_S:g} s; the service's messages are above")


def _show(row: JobView, out: Path) -> None:
    folder = out / (row.folder or "")
    record = read_record(folder)
    began, ended = map(datetime.fromisoformat, (record["started_at"], record["finished_at"]))
    probability = record["probability"]
    click.echo(f"{row.name}")
    click.echo(f"  decision     {record['decision']}: {record['words']['scale']}")
    click.echo(f"  probability  {'none' if probability is None else f'{probability:.3f}'} of fake")
    click.echo(f"  seconds      {(ended - began).total_seconds():.2f}")
    click.echo(f"  heatmap      {folder / 'heatmap.png'}")
    click.echo(f"  report       {folder / 'report.html'}")
