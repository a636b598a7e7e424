"""From sequences of vectors to a fitted head: balance, initial classifier, search, fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...stages.networks.arrays import Arrays
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.recipe import HeadSettings, Recipe
from .balance import balance
from .checkpoint import EpochFigures
from .data import SplitPart, fingerprint, material_of, require_both
from .frame_start import FrameClassifier, choose_frame_start, kept_logistic
from .learning import FitTask
from .reporter import ProgressReporter
from .tuner import learn_with_best


@dataclass(frozen=True, slots=True)
class Fit:
    """The best epoch's weights, and how they came about."""

    arrays: Arrays  # of the head, named as `head_network.head_arrays` does
    epoch: int  # the best; 0 is the start: the mean of the frames' own logits
    curves: list[
        EpochFigures
    ]  # loss and accuracy (None for epoch 0), val_loss, val_accuracy, val_auc
    settings: HeadSettings  # the ones used
    trials: list[dict[str, Any]]  # {"settings", "score", "epochs"}: the best AUC on validation
    frame_start: str  # "own" or "logistic regression"
    balance: str  # how it was balanced, in a sentence
    logistic: FrameClassifier  # the baseline, whether the head started with it or not


def fit_head(
    train: SplitPart,
    val: SplitPart,
    recipe: Recipe,
    initial: Arrays | None,
    folder: Path,
    journal: Journal,
    progress: ProgressCallback,
) -> Fit:
    """Fit on `train`; `val` chooses the frame classifier to start with, the settings, the epoch.

    Finished work is kept in `folder` and is not done again. The same arguments give the same arrays
    on one device, interrupted in between or not.

    Args:
        initial: `frame/kernel` (width, 1), `frame/bias` (1,) of the detector it starts from.

    Raises `UserError` when a part lacks a label or can't be balanced as the recipe says.
    """
    require_both(train.fake, "train")
    require_both(val.fake, "val")
    logistic = kept_logistic(train, recipe.seed, folder)
    frame, frame_start = choose_frame_start(val, logistic, initial, recipe.seed)
    balanced = balance(material_of(train), recipe)
    judged = material_of(val)
    task = FitTask(
        train=balanced.material,
        val=judged,
        frame=frame.arrays(),
        epochs=recipe.epochs,
        patience=recipe.patience,
        seed=recipe.seed,
        data=fingerprint(balanced.material, judged),
    )
    learned, found = learn_with_best(
        task, recipe, folder, "val_auc", ProgressReporter(journal, progress)
    )
    return Fit(
        arrays=learned.best,
        epoch=learned.best_epoch,
        curves=learned.curves,
        settings=found.settings,
        trials=found.trials,
        frame_start=frame_start,
        balance=balanced.sentence,
        logistic=logistic,
    )
