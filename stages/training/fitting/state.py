"""Where a training stands: weights, optimizer, the best so far; kept on disk, whole each time."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..features.crops import write_whole

Weights = list[NDArray[Any]]


class State:
    """The state of one network's training; what lies at `path` is taken up.

    Args:
        path: an npz file, which need not exist.
        network: compiled; gets the weights and the optimizer's variables that are kept.
        every_s: seconds between two writings.
    """

    def __init__(self, path: Path, network: Any, every_s: float) -> None:
        self._path, self._network, self._every_s = path, network, every_s
        self._written = time.monotonic()
        self.step = 0
        self.curves: list[dict[str, float]] = []
        self.losses: list[float] = []  # since the last line of `curves`
        self.best_score = -1.0
        self.best: Weights = _read(network.variables)
        network.optimizer.build(network.trainable_variables)
        if path.is_file():
            self._take_up()

    def keep_if_best(self, score: float) -> None:
        """Remember the weights when this score is the highest yet."""
        if score > self.best_score:
            self.best_score, self.best = score, _read(self._network.variables)

    def save(self, *, at_once: bool) -> None:
        """Write, when it is time or `at_once`."""
        if not at_once and time.monotonic() - self._written < self._every_s:
            return
        told = {
            "step": self.step,
            "curves": self.curves,
            "losses": self.losses,
            "best_score": self.best_score,
        }
        now = _named("now", _read(self._network.variables))
        optimizer = _named("optimizer", _read(self._network.optimizer.variables))
        write_whole(
            self._path, told=json.dumps(told), **now, **optimizer, **_named("best", self.best)
        )
        self._written = time.monotonic()

    def take_best(self) -> None:
        """Give the network the best weights."""
        _assign(self._network.variables, self.best)

    def _take_up(self) -> None:
        with np.load(self._path) as kept:
            told = json.loads(str(kept["told"]))
            self.step, self.curves, self.losses = told["step"], told["curves"], told["losses"]
            self.best_score = told["best_score"]
            self.best = _of(kept, "best")
            _assign(self._network.variables, _of(kept, "now"))
            _assign(self._network.optimizer.variables, _of(kept, "optimizer"))


def seed_dropout(network: Any, seed: int, step: int) -> None:
    """Let all that the network draws follow from (seed, step) alone."""
    random = np.random.default_rng((seed, step))
    for layer in network._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            shape = generator.state.shape
            generator.state.assign(random.integers(0, 2**31, shape).astype("uint32"))


def _read(variables: list[Any]) -> Weights:
    return [np.asarray(variable.numpy()) for variable in variables]


def _assign(variables: list[Any], arrays: Weights) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _named(prefix: str, arrays: Weights) -> dict[str, NDArray[Any]]:
    return {f"{prefix}/{number:04}": array for number, array in enumerate(arrays)}


def _of(kept: Any, prefix: str) -> Weights:
    return [kept[name] for name in sorted(kept.files) if name.startswith(f"{prefix}/")]
