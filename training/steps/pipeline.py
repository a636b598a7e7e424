"""The steps of a training run, in order; each is done once for the settings it depends on.

A step's result is identified by a digest of its own settings and of the step before. So an
interrupted run goes on where it was, and a changed setting redoes only what depends on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...storage.errors import UserError
from ..features.plan import CODE
from ..run.folder import digest_of
from ..run.recipe import Recipe
from .context import RunContext
from .evaluate_step import evaluate
from .features_step import compute_features
from .finetune_step import finetune
from .fit_step import fit
from .index_step import index
from .publish_step import publish


@dataclass(frozen=True, slots=True)
class Step:
    """The work of a step, and the settings of the recipe that it depends on."""

    work: Callable[[RunContext], None]
    settings: tuple[str, ...]
    code: int = 0  # raised when the same settings begin to give another result


BACKBONE = ("backbone", "averaged", "weights", "size", "margin", "mirrored", "mode", "frames")
STEPS = {
    "index": Step(index, ("split", "val", "test", "forge", "seed")),
    "finetune": Step(finetune, ("finetune", "finetuning", *BACKBONE)),
    "features": Step(compute_features, (*BACKBONE, "keep_frames"), CODE),
    "fit": Step(fit, ("protocol", "epochs", "patience", "trials", "tuner", "balance", "head")),
    "evaluate": Step(evaluate, ("calibration", "false_positives", "false_negatives")),
    "publish": Step(publish, ("description", "learned_from", "licence", "blind_to")),
}


def do_steps(context: RunContext, names: Sequence[str]) -> None:
    """Do these steps; those that are done already are skipped.

    Raises `UserError` when an earlier step is missing, or a named step is not part of this run.
    """
    digests = _digests(context.recipe, str(context.run.dataset))
    steps = [name for name in STEPS if name != "finetune" or context.recipe.finetune]
    if names == ("finetune",) and "finetune" not in steps:
        raise UserError(f"{context.run.folder} was begun without --finetune; add it to change that")
    wanted = [name for name in steps if name in names]
    for name in steps[: steps.index(wanted[-1]) + 1]:
        done = context.run.finished().get(name) == digests[name]
        if name in wanted and not done:
            context.announce(f"{name}:")
            STEPS[name].work(context)
            context.run.finish(name, digests[name])
        elif name in wanted:
            context.announce(f"{name}: done already")
        elif not done:
            raise UserError(
                f"{name} of {context.run.folder} is not done for these settings; "
                f"first: ddaemon train {name} {context.run.folder}"
            )


def _digests(recipe: Recipe, dataset: str) -> dict[str, str]:
    """For each step, a digest of everything that it depends on."""
    settings = recipe.model_dump(mode="json")
    digests, before = {}, dataset
    for name, step in STEPS.items():
        inputs = {"before": before, **{key: settings[key] for key in step.settings}}
        before = digest_of(inputs | ({"code": step.code} if step.code else {}))
        digests[name] = before
    return digests
