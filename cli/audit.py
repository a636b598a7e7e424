"""`ddaemon audit`: the hash-chained log."""

import json
from dataclasses import asdict

import click

from ..daemon.home.home import Home
from ..storage.audit import Entry, Witness, parse_head
from ..storage.audit_log import AuditLog
from ..storage.text import printable
from ..storage.times import iso
from .moments import MOMENT

NO_LOG = "there is no log yet: it begins with the next change"


@click.group("audit")
@click.pass_obj
def command(home: Home) -> None:
    """The log of what happened, in which nothing can be altered unseen (docs/custody.md)."""
    home.require()


@command.command("verify")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="SEQ:HASH",
    help="A head that was kept elsewhere; may be given more than once.",
)
@click.pass_context
def verify(context: click.Context, heads: tuple[str, ...]) -> None:
    """Follow the chain, and compare it with the heads that verdicts in the outbox carry.

    Exit 0 when all is right; 1 at the first broken entry, which is named.
    """
    from ..daemon.home.config import read_config
    from ..daemon.home.folders import outbox_path
    from ..record.witnesses import witnesses_in

    home: Home = context.obj
    kept = [Witness(f"the head {head[:16]}", parse_head(head)) for head in heads]
    carried = list(witnesses_in(outbox_path(home, read_config(home.config))))
    log = AuditLog(home.database)
    found = log.verify([*kept, *carried])
    if found.fault:
        click.echo(f"FAULT {printable(found.fault)}")
        click.echo(f"      entries 1 to {found.entries} are right")
        context.exit(1)
    if not log.is_there:
        click.echo(NO_LOG)
        return
    click.echo(f"ok    entries 1 to {found.entries}: none altered, removed, inserted or moved")
    click.echo(f"ok    compared with {len(carried)} verdict(s) in the outbox, {len(kept)} head(s)")
    click.echo(f"head  {found.head}")


@command.command("export")
@click.option("--since", type=MOMENT, help="Only entries from then on (ISO 8601, or 7d, 24h).")
@click.option("--jsonl", is_flag=True, help="One JSON record a line; the last is the head.")
@click.pass_obj
def export(home: Home, since: float | None, jsonl: bool) -> None:
    """Write the log out, and last its head: keep that where nobody who owns this home can reach."""
    log = AuditLog(home.database)
    for entry in log.entries("" if since is None else iso(since)):
        click.echo(json.dumps(asdict(entry)) if jsonl else _line(entry))
    head = log.head()
    if jsonl:
        click.echo(json.dumps({"head": str(head) if head else None}))
    else:
        click.echo(f"head {head}" if head else NO_LOG)


def _line(entry: Entry) -> str:
    about = f" sha256 {entry.sha256}" if entry.sha256 else ""
    words = f"{entry.seq:6} {entry.at} {entry.job or '-':8} {entry.kind} {entry.detail}{about}"
    return printable(f"{words} hash {entry.hash}")
