"""`ddaemon doctor`."""

import click

from ..daemon.home import Home
from ..daemon.names import printable


@click.command("doctor")
@click.pass_context
def command(context: click.Context) -> None:
    """Look for what could go wrong, and say what to do about it. Exit 1 when anything is."""
    from ..daemon.diagnosis import diagnose

    home: Home = context.obj
    faults = 0
    for finding in diagnose(home):
        click.echo(f"{'FAULT' if finding.fix else 'ok   '} {printable(finding.what)}")
        if finding.fix:
            faults += 1
            click.echo(f"      -> {printable(finding.fix)}")
    click.echo(f"{faults} fault(s)" if faults else "all is well")
    context.exit(1 if faults else 0)
