"""The state of a fit in one file, so that it can be interrupted after any epoch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.networks.arrays import Arrays, part

CHECKPOINT_FILE = "checkpoint.npz"
BEST_PREFIX, VARIABLE_PREFIX = "best/", "variable/"
EpochFigures = dict[str, float | int | None]


@dataclass(slots=True)
class FitState:
    """How far a fit has come."""

    epoch: int  # the last finished one
    best_epoch: int  # 0 is the start
    best: Arrays  # of the head, as they were after `best_epoch`
    curves: list[EpochFigures]  # one per epoch, the start included


def save_checkpoint(folder: Path, network: Any, state: FitState, belongs_to: str) -> None:
    """Write a checkpoint whole or not at all, replacing the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {f"{BEST_PREFIX}{name}": array for name, array in state.best.items()}
    stored |= {f"{VARIABLE_PREFIX}{n}": array for n, array in enumerate(_values(network))}
    record = {
        "belongs_to": belongs_to,
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "curves": state.curves,
    }
    beside = folder / f".{CHECKPOINT_FILE}"
    np.savez(beside, record=np.array(json.dumps(record)), **stored)  # type: ignore[arg-type]
    beside.replace(folder / CHECKPOINT_FILE)


def load_checkpoint(folder: Path, network: Any, belongs_to: str) -> FitState | None:
    """Restore the network and its optimizer to the state of the checkpoint.

    None when there is no checkpoint, or one of other data or settings. The optimizer must be built:
    otherwise it has no variables for its state yet, which would be lost silently.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        record = json.loads(str(stored["record"]))
        if record["belongs_to"] != belongs_to:
            return None
        values = [stored[name] for name in stored.files if name.startswith(VARIABLE_PREFIX)]
        for variable, value in zip(_variables(network), values, strict=True):
            variable.assign(value)
        best = part(stored, BEST_PREFIX)
    return FitState(record["epoch"], record["best_epoch"], best, record["curves"])


def _variables(network: Any) -> list[Any]:
    return [*network.variables, *network.optimizer.variables]


def _values(network: Any) -> list[NDArray[Any]]:
    import keras

    return [keras.ops.convert_to_numpy(variable) for variable in _variables(network)]
