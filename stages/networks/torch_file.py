"""Reads the arrays out of a PyTorch weights file without PyTorch, and without running anything.

Both layouts are read: the zip archive (PyTorch 1.6 and later) and the older chain of pickles.
A pickle can name any function; here only the few names below have a meaning, and none of them is
the real one. See pytorch `torch/serialization.py` for the layouts.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...storage.errors import DetectorError
from .arrays import require_small

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "DoubleStorage": np.dtype("<f8"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
Storages = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Storage:
    """A block of numbers that tensors are views of."""

    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """A tensor whose numbers have not been read yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def read(self, storages: Storages) -> NDArray[Any]:
        """The numbers, as an array of its own. Raises `DetectorError` beyond the storage."""
        numbers = storages[self.storage.key]
        steps = zip(self.shape, self.stride, strict=True)
        last = self.offset + sum((length - 1) * step for length, step in steps)
        # A stride of 0 would make a huge array of few numbers: no real weights do that.
        fits = last < len(numbers) and math.prod(self.shape) <= len(numbers)
        if min(self.offset, *self.stride, *self.shape, 0) < 0 or not fits:
            raise DetectorError(f"a tensor of shape {self.shape} does not fit its storage")
        bytes_a_step = [step * numbers.itemsize for step in self.stride]
        return as_strided(numbers[self.offset :], self.shape, bytes_a_step).copy()


def read_torch_file(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a state dict by PyTorch's names, as they were stored.

    Raises `DetectorError` when the file is neither layout or names anything but tensors.
    """
    try:
        with path.open("rb") as stream:
            plans, storages = _read_zip(path) if zipfile.is_zipfile(path) else _read_chain(stream)
        return {
            name: plan.read(storages)
            for name, plan in plans.items()
            if isinstance(plan, TensorPlan)
        }
    except DetectorError:
        raise
    except Exception as error:  # a hostile pickle can raise nearly anything
        raise DetectorError(f"{path.name} is not a PyTorch weights file: {error}") from error


def _read_zip(path: Path) -> tuple[dict[str, Any], Storages]:
    with zipfile.ZipFile(path) as archive:
        require_small(archive)
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        root = pickled.removesuffix("data.pkl")
        reader = _Reader(io.BytesIO(archive.read(pickled)))
        plans = _state_dict(reader.load())
        return plans, {
            storage.key: np.frombuffer(
                archive.read(f"{root}data/{storage.key}"), storage.dtype, storage.count
            )
            for storage in reader.storages.values()
        }


def _read_chain(stream: BinaryIO) -> tuple[dict[str, Any], Storages]:
    if _Reader(stream).load() != LEGACY_MAGIC:
        raise DetectorError("the file does not begin as PyTorch's do")
    for _ in ("protocol version", "system"):
        _Reader(stream).load()
    reader = _Reader(stream)
    plans = _state_dict(reader.load())
    keys = _Reader(stream).load()
    return plans, {key: _read_storage(stream, reader.storages[key]) for key in keys}


def _read_storage(stream: BinaryIO, storage: Storage) -> NDArray[Any]:
    count = int.from_bytes(stream.read(8), "little")
    if count != storage.count:
        raise DetectorError(f"storage {storage.key} has {count} numbers, expected {storage.count}")
    return np.frombuffer(stream.read(count * storage.dtype.itemsize), storage.dtype, count)


def _state_dict(loaded: Any) -> dict[str, Any]:
    if not isinstance(loaded, dict):
        raise DetectorError("the file holds no state dict")
    return loaded


class _Reader(pickle.Unpickler):
    """An unpickler that accepts only tensors and ordered dicts."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        known: dict[str, Any] = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _plan_tensor,
            **{f"torch.{kind}": dtype for kind, dtype in DTYPES.items()},
        }
        if f"{module}.{name}" not in known:
            raise DetectorError(f"refused: the weights file asks for {module}.{name}")
        return known[f"{module}.{name}"]

    def persistent_load(self, identity: Any) -> Storage:
        kind, dtype, key, _location, count, *_ = identity
        if kind != "storage" or not isinstance(dtype, np.dtype) or not isinstance(count, int):
            raise DetectorError(f"refused: the weights file refers to {kind!r}")
        return self.storages.setdefault(str(key), Storage(str(key), dtype, count))


def _plan_tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_rest: Any
) -> TensorPlan:
    return TensorPlan(storage, offset, tuple(shape), tuple(stride))
