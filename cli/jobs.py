"""`ddaemon jobs`: the queue by hand."""

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..daemon.home.home import Home
from ..storage.errors import JobError
from ..storage.job_reader import JobReader
from ..storage.states import ENDED, State
from ..storage.text import printable
from ..storage.verdict_list import VerdictList, VerdictView
from .moments import Moment
from .status import line_of, row_record

if TYPE_CHECKING:
    from ..storage.queue import Queue

DAY_S = 86_400.0

states_option = click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in State]),
    multiple=True,
    help="Only jobs in this state; can be repeated.",
)


@click.group("jobs")
@click.pass_context
def command(context: click.Context) -> None:
    """Manage the queue by hand."""
    home: Home = context.obj
    home.require()


@command.command("list")
@states_option
@click.option("--limit", default=50, show_default=True, help="Show at most this many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per line.")
@click.pass_obj
def list_jobs(home: Home, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    chosen = [State(state) for state in states] or list(State)
    reader = JobReader(home.database)
    for row in reader.find(chosen, limit):
        record = row_record(reader, row)
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
    """Cancel JOBS that are waiting or running."""
    _change(home, jobs, _queue(home).cancel, "is cancelled")


@command.command("rerun")
@click.argument("jobs", nargs=-1)
@click.option("--detector", help="The detector that judges; by default the active one.")
@click.option("--since", type=Moment(), help="All jobs judged since then (7d, 24h, a date).")
@click.option("--decision", help="All jobs with this decision.")
@click.pass_context
def rerun(
    context: click.Context,
    jobs: tuple[str, ...],
    detector: str | None,
    since: float | None,
    decision: str | None,
) -> None:
    """Judge JOBS that have a verdict again, for example by a new detector.

    The old verdict and its folder stay; the new one gets a folder of its own (docs/review.md).
    """
    from ..storage.registry import Registry

    home: Home = context.obj
    if not jobs and since is None and decision is None:
        raise click.UsageError("name JOBS, or choose them by --since or --decision")
    registry = Registry(home.detectors)
    name = registry.get(detector).name if detector else registry.active_name()
    chosen = jobs or _judged(home, since or 0.0, decision)
    queue, reader, refused = _queue(home), JobReader(home.database), 0
    for job in (reader.get(job).id for job in chosen):
        try:
            queue.rerun(job, name)
        except JobError as error:
            click.echo(f"ddaemon: {printable(str(error))}", err=True)
            refused += 1
        else:
            click.echo(f"{job} is to be judged again by {name}")
    context.exit(1 if refused else 0)


@command.command("changes")
@click.option("--since", type=Moment(), help="Only what was judged again since then.")
@click.pass_obj
def changes(home: Home, since: float | None) -> None:
    """Show what changed in each job that was judged again."""
    before: dict[str, VerdictView] = {}
    for verdict in VerdictList(home.database).between(0.0, math.inf):
        old = before.get(verdict.job)
        if old is not None and verdict.number and verdict.finished_at >= (since or 0.0):
            name = printable(verdict.name)
            click.echo(f"{verdict.job} {name}: {_describe(old)} -> {_describe(verdict)}")
        before[verdict.job] = verdict


def _judged(home: Home, since: float, decision: str | None) -> list[str]:
    """The jobs whose current verdict is no older than `since`, and has this decision."""
    return [
        verdict.job
        for verdict in VerdictList(home.database).between(since, math.inf)
        if verdict.current and verdict.state == State.DONE and decision in (None, verdict.decision)
    ]


def _describe(verdict: VerdictView) -> str:
    score = "" if verdict.probability is None else f" {verdict.probability:.3f}"
    judge = f"{verdict.detector} {verdict.detector_version}" if verdict.detector else "not noted"
    return f"{verdict.decision}{score} ({judge})"


@command.command("purge")
@click.option(
    "--days",
    default=30.0,
    show_default=True,
    help="Only jobs that ended longer ago than this.",
)
@states_option
@click.pass_obj
def purge(home: Home, days: float, states: tuple[str, ...]) -> None:
    """Remove ended jobs from the database; the outbox and the quarantine stay as they are."""
    chosen = [State(state) for state in states] or list(ENDED)
    if unended := [state.value for state in chosen if state not in ENDED]:
        raise click.UsageError(f"jobs that are {', '.join(unended)} have not ended; cancel them")
    click.echo(f"{_queue(home).purge(days * DAY_S, chosen)} job(s) forgotten")


def _change(home: Home, jobs: tuple[str, ...], change: Callable[[str], None], outcome: str) -> None:
    reader = JobReader(home.database)
    for job in jobs:
        name = reader.get(job).id
        change(name)
        click.echo(f"{name} {outcome}")


def _queue(home: Home) -> "Queue":
    from ..storage.database import Database
    from ..storage.queue import Queue

    return Queue(Database.open(home.database), holder=home.name())
