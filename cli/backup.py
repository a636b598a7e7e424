"""`ddaemon backup`."""

from pathlib import Path

import click

from ..daemon.home.home import Home


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--verify", is_flag=True, help="Check an existing FILE and write nothing.")
@click.pass_obj
def command(home: Home, file: Path, force: bool, verify: bool) -> None:
    """Write the database, the settings and the detectors into the tar file FILE, even while the
    service runs (docs/backup.md)."""
    from ..daemon.home.backup import back_up, check

    manifest = check(file) if verify else back_up(home, file, force=force)
    count = sum(manifest["jobs"].values())
    click.echo(f"{file}: {count} jobs, audit head {manifest['audit_head']}")
