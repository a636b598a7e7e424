"""`ddaemon detectors`: the registry."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..daemon.home.home import Home
from ..record.words import percent
from ..storage.errors import DetectorError
from ..storage.text import printable

if TYPE_CHECKING:
    from ..storage.detector_record import EnvelopeRecord
    from ..storage.registry import DetectorFolder, Registry


@click.group("detectors")
@click.pass_context
def command(context: click.Context) -> None:
    """Show the trained detectors, and choose which one judges."""
    from ..storage.registry import Registry

    home: Home = context.obj
    context.obj = Registry(home.detectors)


@command.command("list")
@click.pass_obj
def list_detectors(registry: "Registry") -> None:
    """List the detectors; a star marks the active one."""
    active = registry.active_name()
    for name in registry.names():
        star = "*" if name == active else " "
        try:
            detector = registry.get(name)
        except DetectorError as error:
            click.echo(f"{star} {printable(name)}  can't be used: {printable(str(error))}")
            continue
        where = "bundled" if detector.bundled else str(detector.path)
        text = f"{star} {name} {detector.record.version}  {detector.sha256[:12]}  {where}"
        click.echo(printable(text))


@command.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON.")
@click.pass_obj
def show(registry: "Registry", name: str | None, as_json: bool) -> None:
    """Show one detector: what it learned from, and how often it is wrong; by default the active
    one."""
    detector = registry.get(name) if name else registry.active()
    detector.verify()
    if as_json:
        click.echo(json.dumps(detector.record.model_dump(mode="json"), indent=2))
        return
    for line in _lines(detector):  # a record may come from anywhere
        click.echo(printable(line))


def _lines(detector: "DetectorFolder") -> Iterator[str]:
    record, limits = detector.record, detector.record.thresholds
    yield f"{record.name} {record.version}: {record.description}"
    yield f"  sha256     {detector.sha256} (files verified)"
    yield f"  backbone   {record.backbone.name}, {record.preprocessing.size} px faces"
    yield f"  licence    {record.licence}"
    yield f"  data       {'; '.join(record.data)}"
    yield f"  fake from  {limits.fake:.3f}: {percent(limits.false_positive_rate)} of reals"
    yield f"  real up to {limits.real:.3f}: {percent(limits.false_negative_rate)} of fakes"
    yield f"  measured   on {limits.measured_on}, {limits.videos} videos"
    yield f"  blind to   {'; '.join(record.blind_to) or 'nothing that its record names'}"
    for line in _envelope(record.envelope):
        yield f"  {line}"
    for metric, value in record.metrics.items():
        yield f"  {metric}: {value}"


def _envelope(envelope: "EnvelopeRecord | None") -> Iterator[str]:
    """The bounds between which the detector's figures hold."""
    if envelope is None:
        yield "envelope   none was measured: every face is decided by its score"
        return
    yield f"envelope   {percent(envelope.within)} of {envelope.videos} videos are inside"
    yield f"           (measured on {envelope.measured_on})"
    for one in envelope.measures.values():
        yield f"           {one.what}: {one.range_text}"
    for why in envelope.unmeasured.values():
        yield f"           no bounds: {why}"


@command.command("use")
@click.argument("name")
@click.pass_context
def use(context: click.Context, name: str) -> None:
    """Let NAME judge from the next job on; it is refused if it is altered afterwards."""
    from ..daemon.home.detector_choice import use_detector

    before = context.obj.active_name()
    detector = use_detector(_home(context), name)
    click.echo(f"{name} {detector.record.version} judges now; it was {before} before")


@command.command("rollback")
@click.pass_context
def rollback(context: click.Context) -> None:
    """Undo the last `use`: the detector before it judges from the next job on."""
    from ..daemon.home.detector_choice import rollback_detector

    before = context.obj.active_name()
    detector = rollback_detector(_home(context))
    click.echo(f"{detector.name} {detector.record.version} judges now; it was {before} before")


def _home(context: click.Context) -> Home:
    home: Home = context.find_root().obj
    return home
