"""`ddaemon jobs`: the queue by hand."""

import json

import click

from ..daemon.home import Home
from ..storage.database import Database
from ..storage.queue import Queue
from ..storage.states import ENDED, State
from .status import line_of, row_record

DAY_S = 86_400.0

states_option = click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in State]),
    multiple=True,
    help="Only jobs in this state; may be given more than once.",
)


@click.group("jobs")
@click.pass_context
def command(context: click.Context) -> None:
    """The queue by hand."""
    home: Home = context.obj
    home.require()
    context.obj = Queue(Database.open(home.database))


@command.command("list")
@states_option
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON record a line.")
@click.pass_obj
def list_jobs(queue: Queue, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show jobs, the newest first."""
    chosen = [State(state) for state in states] or list(State)
    for row in queue.list(chosen, limit):
        record = row_record(row)
        click.echo(json.dumps(record) if as_json else line_of(record))


@command.command("retry")
@click.argument("jobs", nargs=-1, required=True)
@click.pass_obj
def retry(queue: Queue, jobs: tuple[str, ...]) -> None:
    """Put quarantined or cancelled JOBS back into the queue."""
    for job in jobs:
        row = queue.get(job)
        queue.retry(row.id)
        click.echo(f"{row.id} is pending again")


@command.command("cancel")
@click.argument("jobs", nargs=-1, required=True)
@click.pass_obj
def cancel(queue: Queue, jobs: tuple[str, ...]) -> None:
    """End JOBS that wait or run."""
    for job in jobs:
        row = queue.get(job)
        queue.cancel(row.id)
        click.echo(f"{row.id} is cancelled")


@command.command("purge")
@click.option("--days", default=30.0, show_default=True, help="Ended longer ago than this.")
@states_option
@click.pass_obj
def purge(queue: Queue, days: float, states: tuple[str, ...]) -> None:
    """Forget ended jobs. Verdicts in the outbox and files in the quarantine stay."""
    chosen = [State(state) for state in states] or list(ENDED)
    if unended := [state.value for state in chosen if state not in ENDED]:
        raise click.UsageError(f"jobs that are {', '.join(unended)} have not ended; cancel them")
    click.echo(f"{queue.purge(days * DAY_S, chosen)} job(s) forgotten")
