"""`ddaemon run`."""

import logging
import os
import sys

import click

from ..daemon.home import Home
from ..storage.errors import HomeError


@click.command("run")
@click.option(
    "--drain", is_flag=True, help="Leave when the inbox is empty and every job has ended."
)
@click.pass_obj
def command(home: Home, drain: bool) -> None:
    """The service, in the foreground. SIGTERM stops it, SIGHUP reads the settings again."""
    from sqlalchemy.exc import OperationalError

    from ..daemon.config import read_config
    from ..daemon.service import Service

    home.require()
    config = read_config(home.config)
    log_to_stderr(config.log.level)
    try:
        Service(home, config, drain=drain).run()
    except OperationalError as error:
        # No traceback of a driver helps with a full disk, or with a lock that another one holds.
        raise HomeError(
            f"the service ended: its database {home.database} can't be used ({error.orig}); "
            "nothing is lost: mend the cause and start it again"
        ) from error


def log_to_stderr(level: str) -> None:
    """One line a message; systemd's journal adds the time itself."""
    in_journal = "JOURNAL_STREAM" in os.environ
    form = "%(levelname)s %(message)s" if in_journal else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(stream=sys.stderr, format=form, level=logging.WARNING)
    logging.getLogger("ddaemon").setLevel(level.upper())
