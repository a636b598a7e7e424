import io
import os
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from ddaemon.stages.networks.torch_file import LEGACY_MAGIC, read_torch_file
from ddaemon.storage.errors import DetectorError

NUMBERS = np.arange(12, dtype=np.float32)


class FloatStorage:
    """Stands for PyTorch's, so that a file can be written without it."""


def _rebuild_tensor_v2(*_):
    """Likewise."""


class Mark:
    """Where a tensor names its storage."""


class Tensor:
    """The matrix (3, 4) of NUMBERS, or its transpose by strides alone."""

    def __init__(self, shape=(3, 4), stride=(4, 1), offset=0):
        self.plan = (Mark(), offset, shape, stride, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.plan


class Writer(pickle.Pickler):
    def persistent_id(self, obj):
        return ("storage", FloatStorage, "0", "cpu", 12, None) if isinstance(obj, Mark) else None


@pytest.fixture
def torch(monkeypatch):
    """Modules of PyTorch's names, while the file is written."""
    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    _rebuild_tensor_v2.__module__ = "torch._utils"
    package, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    package.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def write_chain(path, state):
    with path.open("wb") as stream:
        for told in (LEGACY_MAGIC, 1001, {"little_endian": True}):
            pickle.dump(told, stream, 2)
        Writer(stream, 2).dump(state)
        pickle.dump(["0"], stream, 2)
        stream.write((12).to_bytes(8, "little") + NUMBERS.tobytes())


def write_zip(path, state):
    pickled = io.BytesIO()
    Writer(pickled, 2).dump(state)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickled.getvalue())
        archive.writestr("weights/data/0", NUMBERS.tobytes())


@pytest.mark.parametrize("write", [write_chain, write_zip])
def test_both_layouts_are_read(torch, tmp_path, write):
    write(tmp_path / "weights.pth", OrderedDict(matrix=Tensor()))
    np.testing.assert_array_equal(
        read_torch_file(tmp_path / "weights.pth")["matrix"], NUMBERS.reshape(3, 4)
    )


def test_strides_are_followed(torch, tmp_path):
    write_zip(tmp_path / "weights.pth", OrderedDict(matrix=Tensor((4, 3), (1, 4))))
    found = read_torch_file(tmp_path / "weights.pth")["matrix"]
    np.testing.assert_array_equal(found, NUMBERS.reshape(3, 4).T)


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor((3, 5), (5, 1)),
        Tensor(offset=1),
        Tensor(offset=-1),
        Tensor((3, 4), (-4, 1)),
        Tensor((10**6, 10**6), (0, 0)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(torch, tmp_path, tensor):
    write_zip(tmp_path / "weights.pth", OrderedDict(matrix=tensor))
    with pytest.raises(DetectorError, match="does not fit"):
        read_torch_file(tmp_path / "weights.pth")


class Bomb:
    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.mark.parametrize("write", [write_chain, write_zip])
def test_a_file_that_names_any_function_is_refused_and_runs_nothing(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "weights.pth", OrderedDict(bomb=Bomb()))
    with pytest.raises(DetectorError, match="system"):
        read_torch_file(tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps(7)])
def test_anything_else_is_refused(tmp_path, content):
    (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(DetectorError):
        read_torch_file(tmp_path / "weights.pth")
