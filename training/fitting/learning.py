"""One fit of the head, epoch by epoch, with the same result if it is interrupted."""

import hashlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...stages.networks.arrays import Arrays
from ...stages.networks.head_network import build_head_network, head_arrays, set_head_arrays
from ..run.recipe import HeadSettings
from .accelerator import accelerated
from .batches import batch_size, batches_per_epoch, epoch_batches
from .checkpoint import EpochFigures, FitState, load_checkpoint, save_checkpoint
from .data import Material
from .validation import logits_of, measures

Finished = Callable[[int], None]  # called with each epoch after its checkpoint is written


@dataclass(frozen=True, slots=True)
class FitTask:
    """What is to be fitted, whatever the settings."""

    train: Material
    val: Material
    frame: Arrays | None  # the frame classifier, frozen; None: it is learned with the rest
    epochs: int
    patience: int | None  # epochs without a better AUC before it ends; None: never
    seed: int
    data: str  # fingerprint of train and val


@dataclass(frozen=True, slots=True)
class Learned:
    """The result of a fit."""

    best: Arrays  # of the epoch with the best AUC on validation
    best_epoch: int  # 0 is the start
    last: Arrays  # of the last epoch
    curves: list[EpochFigures]


def learn(
    task: FitTask,
    settings: HeadSettings,
    folder: Path,
    finished: Finished,
    until: int | None = None,
) -> Learned:
    """Fit, or go on with the fit whose checkpoint is in `folder`.

    The same arguments give the same arrays on one device, interrupted in between or not: all
    random numbers of an epoch come from the seed and the epoch.

    Args:
        until: the last epoch to be done now; the learning rate still falls to 0 at `task.epochs`.
    """
    with accelerated() as devices, _quiet():
        size = _size(task, settings, devices)
        network = _build(task, settings, size)
        belongs_to = _digest(task, settings, devices)
        state = load_checkpoint(folder, network, belongs_to) or _begin(network, task)
        while state.epoch < (task.epochs if until is None else until) and not _is_over(state, task):
            _do_epoch(network, task, size, state)
            save_checkpoint(folder, network, state, belongs_to)
            finished(state.epoch)
        return Learned(state.best, state.best_epoch, head_arrays(network), state.curves)


def _do_epoch(network: Any, task: FitTask, size: int, state: FitState) -> None:
    state.epoch += 1
    random = np.random.default_rng([task.seed, state.epoch])
    reset_dropout(network, random)
    losses, accuracies = [], []
    for vectors, labels, weights in epoch_batches(task.train, size, random):
        network.reset_metrics()  # not every version of Keras does so between batches
        logs = network.train_on_batch(vectors, labels, sample_weight=weights, return_dict=True)
        losses.append(float(logs["cross_entropy"]))
        accuracies.append(float(logs["accuracy"]))
    curve = _judged(network, task, state.epoch)
    curve |= {"loss": float(np.mean(losses)), "accuracy": float(np.mean(accuracies))}
    state.curves.append(curve)
    best = state.curves[state.best_epoch]["val_auc"]
    if _number(curve["val_auc"]) > _number(best):
        state.best_epoch, state.best = state.epoch, head_arrays(network)


def _begin(network: Any, task: FitTask) -> FitState:
    """Judge the start, which is epoch 0; its training figures are None: nothing was measured."""
    return FitState(0, 0, head_arrays(network), [_judged(network, task, 0)])


def _judged(network: Any, task: FitTask, epoch: int) -> EpochFigures:
    found = measures(logits_of(network, task.val), task.val.fake)
    return {"epoch": epoch, "loss": None, "accuracy": None, **found}


def _is_over(state: FitState, task: FitTask) -> bool:
    return task.patience is not None and state.epoch - state.best_epoch >= task.patience


def _size(task: FitTask, settings: HeadSettings, devices: int) -> int:
    size = batch_size(task.train, settings.batch)
    return max(1, size // devices) * devices


def _build(task: FitTask, settings: HeadSettings, size: int) -> Any:
    import keras

    keras.utils.set_random_seed(task.seed)
    network = build_head_network(
        task.train.width,
        settings.units,
        settings.attention_units,
        settings.dropout,
        settings.decay,
    )
    if task.frame is not None:
        set_head_arrays(network, task.frame)
        network.get_layer("frame").trainable = False
    steps = batches_per_epoch(task.train, size) * max(1, task.epochs)
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.rate, steps)),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=settings.smoothing),
        metrics=[
            keras.metrics.BinaryCrossentropy(from_logits=True, name="cross_entropy"),
            keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),
        ],
    )
    network.optimizer.build(network.trainable_variables)
    return network


def reset_dropout(network: Any, random: np.random.Generator) -> None:
    """Reseed the network's dropout from `random`, whatever it has drawn so far."""
    for layer in network.layers:
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(random.integers(2**31, size=2))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Keras about sequences of one step, and TensorFlow about every new network."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are using a softmax over axis 1")
            yield
    finally:
        logger.setLevel(level)


def _digest(task: FitTask, settings: HeadSettings, devices: int) -> str:
    """Identifies what a checkpoint must belong to."""
    frame = [np.asarray(array).tobytes() for _, array in sorted((task.frame or {}).items())]
    text = f"{task.data} {task.epochs} {task.patience} {task.seed} {devices} {settings!r}"
    return hashlib.sha256(text.encode() + b"".join(frame)).hexdigest()


def _number(value: float | int | None) -> float:
    if value is None:
        raise ValueError("a measure of validation is missing")
    return float(value)
