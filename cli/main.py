"""The command `ddaemon`: finds the subcommand, and turns errors into one line with the fix."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..storage.errors import ConfigError, UserError
from ..storage.text import printable, printable_lines

# Each command is a file of the same name, imported when it is called: `ddaemon status` must not
# wait for the other commands, nor the list of commands for any of them.
COMMANDS = {
    "init": "Make the home: settings, folders, database.",
    "run": "Run the service in the foreground.",
    "check": "Judge videos now, without the queue.",
    "submit": "Copy videos into the inbox, and print each one's job id.",
    "status": "Show what the queue holds and what runs now.",
    "jobs": "Manage the queue by hand.",
    "review": "Record what a person found about a video.",
    "report": "Make a fresh page of a verdict, reviews included.",
    "export": "Write out the verdicts of a period, one row each.",
    "verify": "Check that a verdict is unaltered and can be reproduced.",
    "audit": "Check or export the tamper-evident log.",
    "backup": "Write the home's state into one file.",
    "restore": "Restore the home from a backup.",
    "stages": "List installed stages, and what each needs and gives.",
    "detectors": "Show the trained detectors, and choose which one judges.",
    "train": "Learn a detector from labelled videos or faces.",
    "evaluate": "Measure detectors on labelled data.",
    "notify": "Test notifications, list deliveries, retry failed ones.",
    "doctor": "Diagnose this machine and home, and say how to fix faults.",
    "demo": "Let the real service judge two clips.",
}


class Commands(click.Group):
    """A group that knows its commands' names, and what they are for, without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}; there are: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="DDAEMON_HOME",
    help="The home folder (also DDAEMON_HOME; by default the user's data folder).",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__)
@click.pass_context
def cli(context: click.Context, home: Path | None, debug: bool) -> None:
    """Judge whether a video of a person was manipulated, how sure that is, and where to look."""
    from ..daemon.home.home import UMASK, Home

    os.umask(os.umask(UMASK) | UMASK)  # never open to all, whatever the shell's mask
    context.obj = Home(home) if home else Home.default()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; leave with 0, 1 (an error in one line) or 2 (wrong usage)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: Any = cli.main(words, prog_name="ddaemon", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)  # the reader of the output, such as `head`, has seen enough
    except (UserError, OSError) as error:
        if "--debug" in words:
            raise
        # The faults of a settings file are the only message of several lines.
        shown = printable_lines if isinstance(error, ConfigError) else printable
        click.echo(f"ddaemon: {shown(str(error))}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
