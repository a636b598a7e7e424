"""`ddaemon restore`."""

from pathlib import Path

import click

from ..daemon.home.home import Home


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace an existing database; it is kept renamed.")
@click.pass_obj
def command(home: Home, file: Path, force: bool) -> None:
    """Restore the FILE of `ddaemon backup` into a home without a database (docs/backup.md)."""
    from ..daemon.home.restore import restore

    manifest = restore(home, file, force=force)
    click.echo(f"{home.path}: restored to {manifest['made_at']}")
