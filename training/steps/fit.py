"""The step `fit`: the head learns on the training part, watched on the validation part."""

from typing import Any

import numpy as np

from ...stages.networks.arrays import write_arrays
from ..datasets.rows import TRAIN, VAL
from ..fitting.head_fit import Fit, fit_head
from ..fitting.seed_protocol import run_seed_protocol
from ..run.folder import write_json
from .context import FIT_FILE, HEAD_FILE, LOGISTIC_FILE, SEED_FILE, Workshop


def fit(shop: Workshop) -> None:
    """Leaves the head, its curves and the logistic regression beside it in the run."""
    run, recipe = shop.run, shop.recipe
    folder = run.fit
    folder.mkdir(exist_ok=True)
    train, val = shop.part(TRAIN), shop.part(VAL)
    own = shop.start.frame
    fitted = fit_head(train, val, recipe, own, folder, run.journal, shop.progress)
    logistic = {"kernel": fitted.logistic.kernel, "bias": fitted.logistic.bias}
    write_arrays(folder / LOGISTIC_FILE, logistic)
    write_arrays(folder / HEAD_FILE, fitted.arrays)
    if recipe.protocol == "seed":
        write_json(folder / SEED_FILE, _seed_protocol(shop))
    write_json(folder / FIT_FILE, _told(fitted))


def _told(fitted: Fit) -> dict[str, object]:
    return {
        "epoch": fitted.epoch,
        "curves": fitted.curves,
        "settings": fitted.settings.model_dump(mode="json"),
        "trials": fitted.trials,
        "frame_start": fitted.frame_start,
        "balance": fitted.balance,
    }


def _seed_protocol(shop: Workshop) -> dict[str, Any]:
    """The seed system's own protocol on the same vectors, for comparison; it judges nobody."""
    rows = shop.collected.rows
    return run_seed_protocol(
        shop.learned,
        np.array([row.fake for row in rows]),
        [row.group for row in rows],
        [row.split for row in rows],
        shop.recipe,
        shop.run.fit / "seed",
        shop.run.journal,
        shop.progress,
    )
