"""`ddaemon report`."""

from pathlib import Path

import click

from ..daemon.home.home import Home
from ..storage.errors import JobError
from ..storage.job_reader import JobReader
from ..storage.times import iso


@click.command("report")
@click.argument("job")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write; the published page stays as it is.",
)
@click.pass_obj
def command(home: Home, job: str, out: Path) -> None:
    """Make a fresh page of JOB's verdict that includes the reviews made since it was published."""
    from ..daemon.home.config import read_config
    from ..daemon.home.folders import outbox_path
    from ..record.file import VERDICT_FILE, read_record
    from ..stages.reporting.page import render_page
    from ..storage.registry import Registry

    home.require()
    reader = JobReader(home.database)
    row = reader.get(job)
    outbox = outbox_path(home, read_config(home.config))
    folder = outbox / (row.folder or "")
    if row.decision is None or not (folder / VERDICT_FILE).is_file():
        raise JobError(
            f"job {row.id} has no verdict in {outbox}; `ddaemon status {row.id}` says why"
        )
    if folder.resolve() in out.resolve().parents:
        raise JobError(f"{folder} stays as it was published; choose another place for --out")
    record = read_record(folder)
    detector = record["detector"]
    card = Registry(home.detectors).record_of(detector["name"], detector["sha256"])
    reviews = [(iso(one.at), one.by, one.decision, one.note) for one in reader.reviews(row.id)]
    out.write_text(render_page(record, folder, card, reviews), encoding="utf-8")
    click.echo(f"report: {out}")
