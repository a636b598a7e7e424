"""`ddaemon submit`."""

from pathlib import Path

import click

from ..daemon.home.home import Home
from ..storage.text import printable


@click.command("submit")
@click.argument(
    "videos", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--priority", default=0, show_default=True, help="Higher goes first.")
@click.pass_obj
def command(home: Home, videos: tuple[Path, ...], priority: int) -> None:
    """Copy VIDEOS into the inbox, and say each one's job."""
    from ..daemon.home.config import read_config
    from ..daemon.home.folders import inbox_path
    from ..daemon.intake.submit import submit
    from ..storage.database import Database
    from ..storage.queue import Queue

    home.require()
    inbox = inbox_path(home, read_config(home.config))
    queue = Queue(Database.open(home.database), holder=home.name())
    for video in videos:
        job, is_new = submit(video, inbox, queue, priority)
        known = "" if is_new else "  (its content was known already)"
        click.echo(f"{job}  {printable(str(video))}{known}")
