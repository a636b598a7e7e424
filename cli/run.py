"""`ddaemon run`."""

import os
import sys

import click

from ..daemon.home.home import UMASK, Home

FORM = "%(levelname)s %(message)s"


@click.command("run")
@click.option("--drain", is_flag=True, help="Exit when the inbox is empty and every job has ended.")
@click.pass_obj
def command(home: Home, drain: bool) -> None:
    """Run the service in the foreground.

    SIGTERM stops it and gives the running job workers.grace seconds to end; SIGHUP makes it read
    the settings again.
    """
    from ..daemon.home.config import read_config
    from ..daemon.log_lines import log_to
    from ..daemon.service import Service

    home.require()
    home.require_own()
    os.umask(UMASK)  # also where the shell's is tighter: the group reads the outbox
    config = read_config(home.config)
    # systemd's journal adds the time itself.
    form = FORM if "JOURNAL_STREAM" in os.environ else f"%(asctime)s {FORM}"
    log_to(sys.stderr, config.log.level, form)
    Service(home, config, drain=drain).run()
