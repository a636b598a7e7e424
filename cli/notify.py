"""`ddaemon notify`: the targets of notices, and whether the notices were delivered."""

import json
import time
import uuid

import click

from ..daemon.home.home import Home
from ..storage.job_reader import JobReader, NoticeView
from ..storage.text import printable
from ..storage.times import iso


@click.group("notify")
@click.pass_context
def command(context: click.Context) -> None:
    """Test notifications, list deliveries, retry failed ones (docs/notify.md)."""
    home: Home = context.obj
    home.require()


@command.command("test")
@click.pass_context
def test(context: click.Context) -> None:
    """Send a test notice to every target of [notify] now, and print what came back.

    Exit 1 when a target did not accept it.
    """
    from ..daemon.home.config import read_config
    from ..daemon.home.folders import outbox_path
    from ..daemon.notices.planner import targets_of, trial_payload

    home: Home = context.obj
    config = read_config(home.config)
    targets = targets_of(config.notify, outbox_path(home, config), home.quarantine)
    if not targets:
        click.echo("no target is set: notify.command, notify.webhook and notify.apprise are empty")
    refused = False
    for target in targets:
        delivery = str(uuid.uuid4())
        answer = target.deliver(delivery, "test", trial_payload(delivery, time.time()), 1)
        refused |= not answer.ok
        click.echo(f"{'ok   ' if answer.ok else 'FAULT'} {target.label}: {printable(answer.text)}")
    context.exit(1 if refused else 0)


@command.command("list")
@click.option("--failed", is_flag=True, help="Only deliveries that were given up.")
@click.option("--limit", default=50, show_default=True, help="Show at most this many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per line.")
@click.pass_obj
def list_notices(home: Home, failed: bool, limit: int, as_json: bool) -> None:
    """List deliveries, newest first."""
    for notice in JobReader(home.database).notices(limit, failed=failed):
        click.echo(json.dumps(_record(notice)) if as_json else _line(notice))


@command.command("retry")
@click.pass_obj
def retry(home: Home) -> None:
    """Make every undelivered notice due now, with fresh attempts."""
    from ..storage.database import Database
    from ..storage.notices import Notices

    count = Notices(Database.open(home.database), holder=home.name()).retry()
    waits = "" if home.is_held() else "; a service delivers them: `ddaemon run`"
    click.echo(f"{count} notice(s) due now{waits}")


def _record(notice: NoticeView) -> dict[str, object]:
    delivered = None if notice.delivered_at is None else iso(notice.delivered_at)
    return {
        "delivery": notice.id,
        "job": notice.job,
        "event": notice.event,
        "target": notice.target,
        "state": notice.state,
        "attempts": notice.attempts,
        "not_before": iso(notice.not_before),
        "answer": notice.answer,
        "created_at": iso(notice.created_at),
        "delivered_at": delivered,
    }


def _line(notice: NoticeView) -> str:
    answer = f"  ({printable(notice.answer)})" if notice.answer else ""
    return (
        f"  {iso(notice.created_at)}  {notice.job}  {notice.event:10}  {notice.state:9}  "
        f"{notice.target}, {notice.attempts} attempt(s){answer}"
    )
