"""`ddaemon review`."""

import click

from ..daemon.home.home import Home
from ..storage.job_reader import JobReader
from ..storage.text import printable
from .status import review_line, review_record

DECISIONS = ("fake", "real", "inconclusive")


@click.command("review")
@click.argument("job")
@click.option("--decision", type=click.Choice(DECISIONS), help="Your finding; needs --by, --note.")
@click.option("--by", help="Your name.")
@click.option("--note", help="Your reason.")
@click.pass_obj
def command(home: Home, job: str, decision: str | None, by: str | None, note: str | None) -> None:
    """Record what a person found about JOB's video, kept beside the machine's verdict and never
    over it. Without --decision, show the reviews so far (docs/review.md)."""
    home.require()
    reader = JobReader(home.database)
    row = reader.get(job)
    if decision is not None:
        _record(home, row.id, decision, by, note)
    elif by is not None or note is not None:
        raise click.UsageError("--by and --note go with --decision")
    reviews = reader.reviews(row.id)
    machine = row.decision or row.state
    click.echo(f"{row.id}  {printable(row.name)}: the machine says {machine}")
    for review in reviews:
        click.echo(review_line(review_record(review)))
    if not reviews:
        click.echo("  no person reviewed it")


def _record(home: Home, job: str, decision: str, by: str | None, note: str | None) -> None:
    if by is None or note is None:
        raise click.UsageError("--decision needs --by NAME and --note TEXT: who says so, and why")
    from ..storage.database import Database
    from ..storage.reviews import add_review

    database = Database.open(home.database)
    try:
        add_review(database, job, decision, by, note)
    finally:
        database.close()
