"""Weights as NumPy arrays by name (`<layer>/<weight>`): in files and in Keras networks."""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...storage.content import read_whole
from ...storage.errors import DetectorError

Arrays = Mapping[str, NDArray[Any]]

MAX_BYTES = 1 << 30  # of all weights together; the networks here have 30 MB
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,  # an encrypted entry, or an unknown compression method
    zipfile.BadZipFile,
    zlib.error,
)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All numeric arrays of an npz file, as they were stored. Raises what `arrays_from` does."""
    try:
        return arrays_from(read_whole(path, MAX_BYTES), path.name)
    except OSError as error:
        raise DetectorError(f"{path.name} is not a file of plain arrays: {error}") from error


def arrays_from(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The same, from a file's content; `name` is for messages.

    Nothing in the file is ever executed: object arrays, which NumPy keeps as pickles, are refused.
    Nor does it take more memory than its own headers state, which must not exceed `MAX_BYTES`.
    Raises `DetectorError` when it cannot be read or holds anything but numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            require_small(archive)
            arrays = {
                entry.filename.removesuffix(".npy"): _read_entry(archive, entry)
                for entry in archive.infolist()
            }
    except UNREADABLE as error:
        raise DetectorError(f"{name} is not a file of plain arrays: {error}") from error
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise DetectorError(f"{name}: {key} holds values that are not finite")
    return arrays


def require_small(archive: zipfile.ZipFile) -> None:
    """Raise ValueError when its content has more than `MAX_BYTES` unpacked."""
    size = sum(entry.file_size for entry in archive.infolist())  # zipfile reads no more than that
    if size > MAX_BYTES:
        raise ValueError(f"unpacked it would have {size:,} bytes, more than {MAX_BYTES:,}")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """One array. NumPy allocates what the header claims, so that is checked first."""
    with archive.open(entry) as stream:
        version = npy.read_magic(stream)
        if version not in HEADERS:
            raise ValueError(f"{entry.filename} is of npy version {version}")
        shape, _, dtype = HEADERS[version](stream)
        if dtype.kind not in "fiu":
            raise ValueError(f"{entry.filename} holds {dtype}, expected numbers")
        if math.prod(shape) * dtype.itemsize != entry.file_size - stream.tell():
            raise ValueError(f"{entry.filename} claims the shape {shape}, but has another size")
    with archive.open(entry) as stream:
        return np.asarray(npy.read_array(stream, allow_pickle=False))


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write an npz file of float16 arrays. Raises `DetectorError` where float16 cannot hold one."""
    with np.errstate(over="ignore"):  # checked below
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
