"""The step `fit`: the head learns on the training part, monitored on the validation part."""

from typing import Any

import numpy as np

from ...stages.networks.arrays import write_arrays
from ..datasets.rows import TRAIN, VAL
from ..fitting.head_fit import Fit, fit_head
from ..fitting.seed_protocol import run_seed_protocol
from ..run.folder import write_json
from .context import FIT_FILE, HEAD_FILE, LOGISTIC_FILE, SEED_FILE, RunContext


def fit(context: RunContext) -> None:
    """Leaves the head, its curves and the logistic regression in the run's folder."""
    run, recipe = context.run, context.recipe
    folder = run.fit
    folder.mkdir(exist_ok=True)
    train, val = context.part(TRAIN), context.part(VAL)
    own = context.initial_weights.frame
    fitted = fit_head(train, val, recipe, own, folder, run.journal, context.progress)
    logistic = {"kernel": fitted.logistic.kernel, "bias": fitted.logistic.bias}
    write_arrays(folder / LOGISTIC_FILE, logistic)
    write_arrays(folder / HEAD_FILE, fitted.arrays)
    if recipe.protocol == "seed":
        write_json(folder / SEED_FILE, _seed_protocol(context))
    write_json(folder / FIT_FILE, _describe(fitted))


def _describe(fitted: Fit) -> dict[str, object]:
    return {
        "epoch": fitted.epoch,
        "curves": fitted.curves,
        "settings": fitted.settings.model_dump(mode="json"),
        "trials": fitted.trials,
        "frame_start": fitted.frame_start,
        "balance": fitted.balance,
    }


def _seed_protocol(context: RunContext) -> dict[str, Any]:
    """The seed system's own protocol on the same vectors, for comparison only."""
    rows = context.collected.rows
    return run_seed_protocol(
        context.learned,
        np.array([row.fake for row in rows]),
        [row.group for row in rows],
        [row.split for row in rows],
        context.recipe,
        context.run.fit / "seed",
        context.run.journal,
        context.progress,
    )
