"""`ddaemon doctor`."""

import json
from typing import TYPE_CHECKING

import click

from ..daemon.home.home import Home
from ..storage.text import printable

if TYPE_CHECKING:
    from ..daemon.diagnosis import Finding


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON record per finding.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check the home, settings, database, notifications, disk, codecs, the workers' sandbox, the
    detector, what its network runs in, and whether the golden clip still gets its score; say how to
    fix each fault.

    Exit 1 when there is a fault.
    """
    from ..daemon.diagnosis import diagnose

    home: Home = context.obj
    faults = 0
    for finding in diagnose(home):
        faults += bool(finding.fix)
        click.echo(_record(finding) if as_json else _lines(finding))
    if not as_json:
        click.echo(f"{faults} fault(s)" if faults else "all is well")
    context.exit(1 if faults else 0)


def _record(finding: "Finding") -> str:
    record = {
        "look": finding.look,
        "state": finding.state,
        "what": finding.what,
        "fix": finding.fix,
    }
    return json.dumps(record)


def _lines(finding: "Finding") -> str:
    state = "FAULT" if finding.fix else finding.state
    line = f"{state:5} {printable(finding.what)}"
    return f"{line}\n      -> {printable(finding.fix)}" if finding.fix else line
