"""Fine-tuning: the backbone and a linear classifier learn on single face crops.

Reads top to bottom, shapes in trailing comments. All random numbers come from (seed, step), so an
interrupted run goes on as if it had never stopped.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.media.video import Image
from ...stages.networks.arrays import get_arrays, set_arrays
from ...storage.errors import UserError
from ..datasets.rows import TRAIN, VAL, Row
from ..evaluation.auc import auc
from ..features.initial_weights import InitialWeights
from ..run.folder import write_json
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.recipe import FinetuneSettings
from .accelerator import accelerated
from .checkpoint import EpochFigures, FitState, load_checkpoint, save_checkpoint
from .frozen_part import FrozenPart, split_network
from .learning import reset_dropout
from .pairs import CropSource, PairBatch, batches, seed_of

logger = logging.getLogger(__name__)
CHECKPOINT_S = 180.0
JUDGED_VIDEOS = 1000  # of the validation part, at most
JUDGED_FACES = 4  # of each
JUDGED_BATCH = 64
DROPOUT = 0.2  # of the vector


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train."""

    finetuning: FinetuneSettings
    seed: int


def finetune_backbone(
    initial: InitialWeights,
    faces: CropSource,
    rows: Sequence[Row],
    settings: Settings,
    folder: Path,
    journal: Journal,
    progress: ProgressCallback,
) -> InitialWeights:
    """Train on the training part; the epoch with the best AUC on the validation part is kept.

    Raises `UserError` when a part lacks a label.
    """
    train, held = (
        [row for row in rows if row.split == split and faces.usable(row)] for split in (TRAIN, VAL)
    )
    for part in (train, held):
        _require_both(part)
    with accelerated():
        steps = settings.finetuning.steps or max(1, len(train) // settings.finetuning.batch)
        network, backbone, frozen_part = network_to_tune(initial, settings, steps)
        belongs_to = _digest(initial, settings, train)
        begun = load_checkpoint(folder, network, belongs_to)
        course = Course(
            network=network,
            state=begun or FitState(0, 0, get_arrays(network), []),
            judged=_judged_faces(held, faces, settings.seed),
            frozen_part=frozen_part,
            steps=steps,
            folder=folder,
            belongs_to=belongs_to,
        )
        _learn(
            course,
            batches(train, faces, settings.finetuning, settings.seed, course.state.epoch),
            settings,
            journal,
            progress,
        )
        set_arrays(network, course.state.best)
        write_json(folder / "curves.json", course.state.curves)
        frame = {f"frame/{v.name}": _array(v) for v in network.get_layer("frame").weights}
        return initial.with_trained(backbone, frame)


@dataclass(slots=True)
class Course:
    """A training in progress; an epoch of its `state` is one batch."""

    network: Any
    state: FitState
    judged: "ValidationFaces"
    frozen_part: FrozenPart
    steps: int  # per epoch
    folder: Path
    belongs_to: str
    losses: list[float] = field(default_factory=list)  # since the last epoch's end
    saved: float = field(default_factory=time.monotonic)

    def learn(self, pixels: Image, fake: NDArray[np.float32], seed: int) -> None:
        """One batch: (batch, size, size, 3) and (batch, 1)."""
        reset_dropout(self.network, np.random.default_rng([seed, self.state.epoch]))
        self.losses.append(float(self.network.train_on_batch(self.frozen_part(pixels), fake)))
        self.state.epoch += 1

    def judge(self) -> None:
        """Measure on the validation part, and keep the weights if they are the best so far."""
        state = self.state
        loss = float(np.mean(self.losses)) if self.losses else None
        curve: EpochFigures = {"step": state.epoch, "loss": loss}
        if is_averaged(self.network, state.epoch):  # else it would be the same twice
            curve["val_auc_unaveraged"] = _auc(self.network, self.judged, self.frozen_part)
        with averaged(self.network, state.epoch):
            area = _auc(self.network, self.judged, self.frozen_part)
            if all(area > float(before["val_auc"] or 0) for before in state.curves):
                state.best_epoch, state.best = state.epoch, get_arrays(self.network)
        logger.info("step %d: loss %s, AUC %.4f", state.epoch, loss, area)
        state.curves.append(curve | {"val_auc": area})
        self.losses.clear()

    def save(self) -> None:
        """Write a checkpoint."""
        save_checkpoint(self.folder, self.network, self.state, self.belongs_to)
        self.saved = time.monotonic()


def is_averaged(network: Any, step: int) -> bool:
    """Whether a running average of the network's weights is kept; before the first step none is."""
    # With mixed precision the averaging optimizer is wrapped in one that scales the loss.
    optimizer = getattr(network.optimizer, "inner_optimizer", network.optimizer)
    return bool(step and optimizer.use_ema)


@contextmanager
def averaged(network: Any, step: int) -> Iterator[None]:
    """The network with the running average of its weights, if one is kept."""
    if not is_averaged(network, step):
        yield
        return
    own = get_arrays(network)
    network.optimizer.finalize_variable_values(network.trainable_variables)
    try:
        yield
    finally:
        set_arrays(network, own)


def _learn(
    course: Course,
    drawn: Iterator[PairBatch],
    settings: Settings,
    journal: Journal,
    progress: ProgressCallback,
) -> None:
    state, total = course.state, course.steps * settings.finetuning.epochs
    if not state.curves:  # the initial weights are kept unless an epoch is better
        course.judge()
    while state.epoch < total:
        course.learn(*next(drawn), settings.seed)
        epoch, within = divmod(state.epoch, course.steps)
        if not within:
            course.judge()
        if not within or time.monotonic() - course.saved > CHECKPOINT_S:
            course.save()
        if not within:
            journal.note("finetune", f"epoch {epoch}")
        progress("finetune", state.epoch, total)


def _digest(initial: InitialWeights, settings: Settings, train: Sequence[Row]) -> str:
    """Identifies what a checkpoint must belong to."""
    text = f"{initial.digest} {settings!r} {[row.name for row in train]}"
    return hashlib.sha256(text.encode()).hexdigest()


def network_to_tune(
    initial: InitialWeights, settings: Settings, steps: int
) -> tuple[Any, Any, FrozenPart]:
    """The part that learns, compiled; the backbone it belongs to; the frozen part that feeds it.

    Raises `UserError` when the network can't be cut where the settings say.
    """
    import keras

    keras.utils.set_random_seed(settings.seed)
    backbone = initial.network()
    vector = keras.layers.Dropout(DROPOUT, seed=settings.seed)(backbone.outputs[1])
    logit = keras.layers.Dense(1, name="frame", dtype="float32")(vector)
    network = keras.Model(backbone.input, logit)
    if initial.frame:
        frame = network.get_layer("frame")
        frame.kernel.assign(initial.frame["frame/kernel"])
        frame.bias.assign(initial.frame["frame/bias"])
    finetuning = settings.finetuning
    if finetuning.frozen_norm:
        _freeze_norms(network)
    network, frozen_part = split_network(network, finetuning.frozen_to, initial.preprocessing)
    rate = keras.optimizers.schedules.CosineDecay(finetuning.rate, steps * finetuning.epochs)
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=finetuning.smoothing)
    averaging = {"use_ema": True, "ema_momentum": finetuning.average} if finetuning.average else {}
    network.compile(keras.optimizers.AdamW(rate, weight_decay=finetuning.decay, **averaging), loss)
    # A checkpoint is restored before the first batch: its moments and averages need variables.
    network.optimizer.build(network.trainable_variables)
    return network, backbone, frozen_part


def _freeze_norms(network: Any) -> None:
    """Let no batch normalisation learn, nor use the mean of a batch."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


@dataclass(frozen=True, slots=True)
class ValidationFaces:
    """Faces of the validation part."""

    pixels: Image  # (faces, size, size, 3)
    fake: NDArray[np.bool_]  # (videos,); each has JUDGED_FACES faces in `pixels`


def _auc(network: Any, judged: ValidationFaces, frozen_part: FrozenPart) -> float:
    logits = np.concatenate(
        [
            np.asarray(network.predict_on_batch(frozen_part(some)))[:, 0]
            for some in np.array_split(judged.pixels, max(1, len(judged.pixels) // JUDGED_BATCH))
        ]
    )
    return auc(logits.reshape(-1, JUDGED_FACES).mean(axis=1), judged.fake)


def _judged_faces(held: Sequence[Row], faces: CropSource, seed: int) -> ValidationFaces:
    random = np.random.default_rng(seed)
    some = [held[place] for place in random.permutation(len(held))[:JUDGED_VIDEOS]]
    _require_both(some)
    pixels = [
        faces.draw(row, seed_of(seed, "judged", number, place))
        for place, row in enumerate(some)
        for number in range(JUDGED_FACES)
    ]
    return ValidationFaces(np.stack(pixels), np.array([row.fake for row in some]))


def _require_both(rows: Sequence[Row]) -> None:
    if len({row.label for row in rows}) < 2:
        raise UserError(
            "--finetune needs faces of both labels in the training and the validation part; "
            "add videos, or leave it out"
        )


def _array(variable: Any) -> NDArray[np.float32]:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)
