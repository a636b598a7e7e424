"""`ddaemon verify`."""

import json
from pathlib import Path

import click

from ..daemon.home.home import Home
from ..storage.text import printable

FORMAT = 1
MARKS = {"ok": "ok   ", "fault": "FAULT", "not_checked": "?    ", "skipped": "-    "}
ENDS = {
    "ok": "all of it is right",
    "fault": "it does not hold",
    "not_checked": "nothing is wrong, but not all could be checked",
}
EXIT_CODES = {"ok": 0, "fault": 1, "not_checked": 3}


@click.command("verify")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--video",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The video that was judged, if it is neither in FOLDER nor in its old place.",
)
@click.option("--no-rerun", is_flag=True, help="Compare hashes only; do not judge again.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON record (docs/verify.schema.json)."
)
@click.pass_context
def command(
    context: click.Context, folder: Path, video: Path | None, no_rerun: bool, as_json: bool
) -> None:
    """Check the verdict in FOLDER against the audit log, its files, its detector and its video;
    then judge again and compare (docs/custody.md).

    Exit 0 when all is right, 1 when something is wrong, 3 when nothing is wrong but not everything
    could be checked.
    """
    from ..daemon.verify.verification import VerifyRequest, overall, verify

    home: Home = context.obj
    checks = []
    for check in verify(VerifyRequest(home, folder, video, rerun=not no_rerun)):
        checks.append(check)
        if not as_json:
            click.echo(f"{MARKS[check.state]} {check.what:11} {printable(check.text)}")
    result = overall(checks).value
    if as_json:
        listed = [{"check": c.what, "state": c.state.value, "text": c.text} for c in checks]
        record = {"format": FORMAT, "folder": str(folder), "result": result, "checks": listed}
        click.echo(json.dumps(record))
    else:
        click.echo(ENDS[result])
    context.exit(EXIT_CODES[result])
