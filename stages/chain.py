"""The chain: which stages there are, whether they fit together, and running them in order."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from ..storage.errors import ChainError, NotAnalysable
from .base import ENTRY_POINT_GROUP, Context, Stage

logger = logging.getLogger(__name__)

VERDICT = "verdict"  # the fact that the closing stage gives
REFUSAL = "not_analysable"  # the fact that stands for a `NotAnalysable` of an earlier stage
TIMINGS = "timings"  # the fact that lists what ran so far
PUBLISHED = "published"  # the fact that holds what third-party stages want in the verdict

OnStage = Callable[[str, float], None]  # name of the stage, percent of the whole chain


@dataclass(frozen=True, slots=True)
class InstalledStage:
    """A stage that some package registered; `fault` says why it can't be used."""

    name: str
    package: str
    stage: Stage | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stage took, in seconds."""

    name: str
    version: str
    seconds: float


def installed_stages() -> dict[str, InstalledStage]:
    """Every registered stage by name. A stage that does not load is listed with its fault."""
    found: dict[str, InstalledStage] = {}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=_built_ins_first):
        if entry.name in found:
            logger.warning(
                "stage %s of %s is ignored: %s registered that name first",
                entry.name,
                _package(entry),
                found[entry.name].package,
            )
            continue
        found[entry.name] = _load(entry)
    return found


def build_chain(names: Sequence[str]) -> list[Stage]:
    """The stages of these names. Raises `ChainError` when they do not fit together."""
    installed = installed_stages()
    chain = [_usable(installed, name) for name in names]
    check_chain(chain)
    return chain


def check_chain(chain: Sequence[Stage]) -> None:
    """Raise `ChainError` unless every need is given earlier and the last stage gives a verdict."""
    given: set[str] = set()
    for stage in chain:
        if missing := sorted(stage.needs - given):
            raise ChainError(
                f"stage {stage.name} needs {', '.join(missing)}, which no stage before it gives; "
                "fix `stages` in ddaemon.toml (`ddaemon stages` says what each needs and gives)"
            )
        given |= stage.gives
    if not chain or VERDICT not in chain[-1].gives:
        raise ChainError("the last stage must give a verdict; end `stages` with report")


def run_chain(chain: Sequence[Stage], context: Context, on_stage: OnStage) -> dict[str, Any]:
    """Run every stage over one video; return all facts.

    When a stage raises `NotAnalysable`, the following ones are skipped and the closing stage turns
    the refusal into a verdict.
    """
    *stages, closing = chain
    facts: dict[str, Any] = {TIMINGS: [], PUBLISHED: {}}
    try:
        for place, stage in enumerate(stages):
            _run_stage(stage, context, facts, _share(on_stage, stage, place, len(chain)))
    except NotAnalysable as refusal:
        # Its traceback would keep the stages' local variables, frames included, beyond the job.
        facts[REFUSAL] = refusal.with_traceback(None)
    _run_stage(closing, context, facts, _share(on_stage, closing, len(stages), len(chain)))
    return facts


def _run_stage(
    stage: Stage, context: Context, facts: dict[str, Any], progress: Callable[[float], None]
) -> None:
    progress(0.0)
    begun = time.perf_counter()
    seen = replace(context, facts=MappingProxyType(facts), progress=progress)
    try:
        given = stage.run(seen)
    finally:
        seconds = time.perf_counter() - begun
        facts[TIMINGS].append(Timing(stage.name, stage.version, seconds))
    if missing := sorted(stage.gives - given.keys()):
        raise ChainError(f"stage {stage.name} did not give {', '.join(missing)} as it says it does")
    facts.update({name: given[name] for name in stage.gives})
    facts[PUBLISHED].update({name: _as_json(stage, name, given[name]) for name in stage.publishes})


def _as_json(stage: Stage, name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ChainError(
            f"stage {stage.name} publishes {name}, which is not a JSON value: {error}"
        ) from error


def _share(on_stage: OnStage, stage: Stage, place: int, count: int) -> Callable[[float], None]:
    return lambda part: on_stage(stage.name, 100.0 * (place + min(max(part, 0.0), 1.0)) / count)


def _usable(installed: Mapping[str, InstalledStage], name: str) -> Stage:
    entry = installed.get(name)
    if entry is None:
        raise ChainError(
            f"no installed package provides the stage {name!r}; "
            f"installed are {', '.join(installed)}: fix `stages` in ddaemon.toml"
        )
    if entry.stage is None:
        raise ChainError(f"stage {name} of {entry.package} can't be used: {entry.fault}")
    return entry.stage


def _load(entry: EntryPoint) -> InstalledStage:
    package = _package(entry)
    try:
        stage = entry.load()()
    # A third party's import may raise anything at all; it must not take the other stages down.
    except Exception as error:  # noqa: BLE001
        fault = f"{type(error).__name__}: {error}"
    else:
        if isinstance(stage, Stage):
            return InstalledStage(entry.name, package, stage)
        fault = "it is not a stage (see ddaemon.stages.base.Stage)"
    logger.warning("stage %s of %s is skipped: %s", entry.name, package, fault)
    return InstalledStage(entry.name, package, None, fault)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"


def _built_ins_first(entry: EntryPoint) -> tuple[bool, str]:
    return (not entry.value.startswith("ddaemon.stages."), entry.name)
