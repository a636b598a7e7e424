"""`ddaemon init`."""

import os

import click

from ..daemon.home.home import UMASK, Home


@click.command("init")
@click.pass_obj
def command(home: Home) -> None:
    """Make the home: ddaemon.toml, inbox/, outbox/, work/, quarantine/, detectors/, database.

    Whatever exists already stays as it is.
    """
    from ..daemon.home.config import default_file
    from ..storage.database import Database

    home.require_whole()
    os.umask(UMASK)  # also where the shell's is tighter: the group reads the outbox
    home.make()
    if not home.config.exists():
        home.config.write_text(default_file(), encoding="utf-8")
        home.config.chmod(0o640)
    Database.create(home.database).close()
    click.echo(f"{home.path} is ready")
    click.echo(f"  settings  {home.config}")
    click.echo(f"  inbox     {home.inbox}")
    click.echo(f"  outbox    {home.outbox}")
    click.echo(f"  database  {home.database}")
    click.echo(f"start it with: ddaemon --home {home.path} run")
