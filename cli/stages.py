"""`ddaemon stages`."""

import click

from ..daemon.home.home import Home


@click.command("stages")
@click.pass_obj
def command(home: Home) -> None:
    """List the installed stages: the package of each, what it needs and what it gives."""
    from ..daemon.home.config import read_config_if_any
    from ..stages.chain import build_chain, installed_stages

    config = read_config_if_any(home.config)
    for name, entry in installed_stages().items():
        place = f"{config.stages.index(name) + 1}." if name in config.stages else "- "
        click.echo(f"{place} {name} ({entry.package})")
        if entry.stage is None:
            click.echo(f"     can't be used: {entry.fault}")
            continue
        click.echo(f"     version {entry.stage.version}")
        click.echo(f"     needs   {', '.join(sorted(entry.stage.needs)) or 'nothing'}")
        click.echo(f"     gives   {', '.join(sorted(entry.stage.gives)) or 'nothing'}")
    build_chain(config.stages)
    click.echo(f"the chain: {' -> '.join(config.stages)}")
