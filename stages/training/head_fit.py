"""Fits the sequence head on cached vectors: reads top to bottom, shapes in trailing comments."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..networks.arrays import Arrays
from ..networks.head_network import build_head_network, head_arrays, set_head_arrays

logger = logging.getLogger(__name__)

Features = NDArray[np.float16]  # (videos, views, width)
Labels = NDArray[np.bool_]  # (videos,): True is fake


@dataclass(frozen=True, slots=True)
class FitSettings:
    """What can be chosen about a fit."""

    units: int = 32  # of the LSTM, each direction
    attention_units: int = 32
    dropout: float = 0.5
    decay: float = 1e-4  # L2
    rate: float = 5e-4  # of learning, at the start; falls to 0 along a cosine
    smoothing: float = 0.05  # of labels
    batch: int = 128  # videos
    steps: int = 100  # batches an epoch
    epochs: int = 20
    patience: int = 6  # epochs without a better AUC before stopping
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """The best epoch's weights. Epoch 0 is the start: the plain mean over the frames."""

    arrays: Arrays
    epoch: int
    aucs: list[float]  # one an epoch, on the videos held out for the choice


def fit_head(
    features: Features,
    fake: Labels,
    held_features: Features,
    held_fake: Labels,
    frame: Arrays,
    settings: FitSettings,
) -> Fit:
    """Fit on `features`, choose the epoch by the AUC on the `held` videos.

    `frame` holds `frame/kernel` (width, 1) and `frame/bias` (1,): what each frame says alone. It is
    not fitted: the backbone has seen the training faces, so their frames say too much already.
    The same arguments give the same weights.
    """
    import keras

    keras.utils.set_random_seed(settings.seed)
    network = _compiled(features.shape[-1], frame, settings)
    batches = _batches(features, fake, settings)
    aucs = [_auc(network, held_features, held_fake)]
    best, best_arrays = 0, head_arrays(network)
    for epoch in range(1, settings.epochs + 1):
        loss = [network.train_on_batch(*next(batches)) for _ in range(settings.steps)]
        aucs.append(_auc(network, held_features, held_fake))
        logger.info("epoch %d: loss %.4f, AUC %.4f", epoch, np.mean(loss), aucs[-1])
        if aucs[-1] > aucs[best]:
            best, best_arrays = epoch, head_arrays(network)
        if epoch - best >= settings.patience:
            break
    return Fit(best_arrays, best, aucs)


def predict_logits(network: Any, features: Features) -> NDArray[np.float32]:
    """The head's logits, (videos,), before calibration."""
    logits = network.predict(np.asarray(features, np.float32), batch_size=256, verbose=0)
    return np.asarray(logits, np.float32)[:, 0]


def _compiled(width: int, frame: Arrays, settings: FitSettings) -> Any:
    import keras

    network = build_head_network(
        width, settings.units, settings.attention_units, settings.dropout, settings.decay
    )
    set_head_arrays(network, frame)
    network.get_layer("frame").trainable = False
    schedule = keras.optimizers.schedules.CosineDecay(
        settings.rate, settings.steps * settings.epochs
    )
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=settings.smoothing)
    network.compile(keras.optimizers.Adam(schedule), loss)
    return network


def _batches(
    features: Features, fake: Labels, settings: FitSettings
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Endless batches, half of them fake, each of sequences as long as one another."""
    random = np.random.default_rng(settings.seed)
    reals, fakes = np.flatnonzero(~fake), np.flatnonzero(fake)
    half = settings.batch // 2
    while True:
        rows = np.concatenate([random.choice(reals, half), random.choice(fakes, half)])
        length = random.integers(1, features.shape[1], endpoint=True)
        views = random.permutation(features.shape[1])[:length]
        x = features[rows][:, views].astype(np.float32)  # (batch, length, width)
        yield x, fake[rows].astype(np.float32)[:, None]  # (batch, 1)


def _auc(network: Any, features: Features, fake: Labels) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(fake, predict_logits(network, features)))
