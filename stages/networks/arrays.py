"""Weights as NumPy arrays by name (`<layer>/<weight>`): reading, writing, and a network's own."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import DetectorError

Arrays = Mapping[str, NDArray[Any]]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric arrays of an npz file, as they were stored.

    Nothing in the file is ever executed: object arrays, which NumPy keeps as pickles, are refused.
    Raises `DetectorError` when the file cannot be read or holds anything but numbers.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DetectorError(f"{path.name} is not a file of plain arrays: {error}") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu":
            raise DetectorError(f"{path.name}: {name} holds {array.dtype}, expected numbers")
        if not np.isfinite(array).all():
            raise DetectorError(f"{path.name}: {name} holds values that are not finite")
    return arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write an npz file of float16 arrays. Raises `DetectorError` where float16 cannot hold one."""
    with np.errstate(over="ignore"):  # looked for below
        halves = {name: np.asarray(array, np.float16) for name, array in arrays.items()}
    for name, half in halves.items():
        if not np.isfinite(half).all():
            raise DetectorError(f"{name} has values beyond float16")
    np.savez_compressed(path, **halves)  # type: ignore[arg-type]


def part(arrays: Arrays, prefix: str) -> dict[str, NDArray[np.float32]]:
    """The arrays whose name begins with `prefix`, under the rest of their name, as float32."""
    return {
        name.removeprefix(prefix): np.asarray(array, np.float32)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def get_arrays(network: Any) -> dict[str, NDArray[np.float32]]:
    """The weights of a Keras network, `<layer>/<weight>`."""
    return {
        name: np.asarray(variable.numpy(), np.float32) for name, variable in _variables(network)
    }


def set_arrays(network: Any, arrays: Arrays) -> None:
    """Give a Keras network its weights: every one of them and nothing else.

    Raises `DetectorError` naming what is missing, left over or of another shape.
    """
    variables = dict(_variables(network))
    if odd := sorted(variables.keys() ^ arrays.keys()):
        state = "missing" if odd[0] in variables else "unknown"
        raise DetectorError(f"not the weights of {network.name}: {odd[0]} is {state}")
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise DetectorError(
                f"not the weights of {network.name}: {name} is {arrays[name].shape}, "
                f"expected {tuple(variable.shape)}"
            )
        variable.assign(np.asarray(arrays[name], np.float32))


def _variables(network: Any) -> list[tuple[str, Any]]:
    return [
        (f"{layer.name}/{variable.name}", variable)
        for layer in network.layers
        for variable in layer.weights
        if "seed_generator" not in variable.path
    ]
