"""`ddaemon jobs`: the queue by hand."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..daemon.home import Home
from ..storage.ledger import Ledger
from ..storage.states import ENDED, State
from .status import line_of, row_record

if TYPE_CHECKING:
    from ..storage.queue import Queue

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


@command.command("list")
@states_option
@click.option("--limit", default=50, show_default=True, help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON record a line.")
@click.pass_obj
def list_jobs(home: Home, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show jobs, the newest first."""
    chosen = [State(state) for state in states] or list(State)
    ledger = Ledger(home.database)
    for row in ledger.find(chosen, limit):
        record = row_record(ledger, row)
        click.echo(json.dumps(record) if as_json else line_of(record))


@command.command("retry")
@click.argument("jobs", nargs=-1, required=True)
@click.pass_obj
def retry(home: Home, jobs: tuple[str, ...]) -> None:
    """Put quarantined or cancelled JOBS back into the queue."""
    _change(home, jobs, _queue(home).retry, "is pending again")


@command.command("cancel")
@click.argument("jobs", nargs=-1, required=True)
@click.pass_obj
def cancel(home: Home, jobs: tuple[str, ...]) -> None:
    """End JOBS that wait or run."""
    _change(home, jobs, _queue(home).cancel, "is cancelled")


@command.command("purge")
@click.option("--days", default=30.0, show_default=True, help="Ended longer ago than this.")
@states_option
@click.pass_obj
def purge(home: Home, days: float, states: tuple[str, ...]) -> None:
    """Forget ended jobs. Verdicts in the outbox and files in the quarantine stay."""
    chosen = [State(state) for state in states] or list(ENDED)
    if unended := [state.value for state in chosen if state not in ENDED]:
        raise click.UsageError(f"jobs that are {', '.join(unended)} have not ended; cancel them")
    click.echo(f"{_queue(home).purge(days * DAY_S, chosen)} job(s) forgotten")


def _change(home: Home, jobs: tuple[str, ...], change: Callable[[str], None], outcome: str) -> None:
    ledger = Ledger(home.database)
    for job in jobs:
        name = ledger.get(job).id
        change(name)
        click.echo(f"{name} {outcome}")


def _queue(home: Home) -> "Queue":
    from ..storage.database import Database
    from ..storage.queue import Queue

    return Queue(Database.open(home.database))
