import io
import zipfile

import numpy as np
import pytest

from ddaemon.stages.networks.arrays import get_arrays, part, read_arrays, set_arrays, write_arrays
from ddaemon.stages.networks.head_network import build_head_network
from ddaemon.stages.networks.torch_file import read_torch_file
from ddaemon.storage.errors import DetectorError


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("the file ran code",))


def test_arrays_come_back_as_float16_stores_them(tmp_path):
    stored = {"a/kernel": np.array([0.1, 2.0], np.float32)}
    write_arrays(tmp_path / "weights.npz", stored)
    found = read_arrays(tmp_path / "weights.npz")["a/kernel"]
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, [0.1, 2.0], rtol=1e-3)


def test_an_npz_with_pickled_objects_is_refused_and_nothing_in_it_runs(tmp_path):
    np.savez(tmp_path / "weights.npz", bomb=np.array([Bomb()], dtype=object))
    with pytest.raises(DetectorError, match=r"weights\.npz"):
        read_arrays(tmp_path / "weights.npz")


def test_a_lone_pickle_under_the_name_of_an_npz_is_refused(tmp_path):
    import pickle

    (tmp_path / "weights.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DetectorError):
        read_arrays(tmp_path / "weights.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not an archive"])
def test_a_broken_file_is_refused(tmp_path, content):
    (tmp_path / "weights.npz").write_bytes(content)
    with pytest.raises(DetectorError):
        read_arrays(tmp_path / "weights.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    np.savez(tmp_path / "weights.npz", kernel=np.array([1.0, value]))
    with pytest.raises(DetectorError, match="kernel"):
        read_arrays(tmp_path / "weights.npz")


def test_words_in_place_of_weights_are_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", kernel=np.array(["a"]))
    with pytest.raises(DetectorError, match="expected numbers"):
        read_arrays(tmp_path / "weights.npz")


def test_a_weight_beyond_float16_is_refused_when_written(tmp_path):
    with pytest.raises(DetectorError, match="kernel"):
        write_arrays(tmp_path / "weights.npz", {"kernel": np.array([1e6])})


def test_a_part_has_the_names_without_their_prefix():
    found = part({"head/a": np.ones(1), "backbone/a": np.zeros(1)}, "head/")
    assert list(found) == ["a"]
    assert found["a"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("frame/bias"), "frame/bias is missing"),
        (lambda arrays: arrays.update(other=np.ones(1)), "other is unknown"),
        (lambda arrays: arrays.update({"frame/bias": np.ones(2)}), "frame/bias is"),
    ],
)
def test_weights_of_another_network_are_refused(change, message):
    network = build_head_network(width=8, units=2, attention_units=3)
    arrays = get_arrays(network)
    change(arrays)
    with pytest.raises(DetectorError, match=message):
        set_arrays(network, arrays)


def packed(path, header_shape, content, dtype="<f4"):
    """An npz of one array whose header claims `header_shape`."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": dtype, "fortran_order": False, "shape": header_shape}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", head.getvalue() + content)
    return path


@pytest.mark.parametrize("shape", [(10**12, 10**12), (10**18,), (-4,), (3,), (0,)])
def test_a_shape_that_its_file_does_not_hold_is_refused_and_takes_no_memory(tmp_path, shape):
    path = packed(tmp_path / "w.npz", shape, b"0123" * 4)
    with pytest.raises(DetectorError, match="claims the shape"):
        read_arrays(path)


def test_what_unpacks_to_more_than_weights_have_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ddaemon.stages.networks.arrays.MAX_BYTES", 1_000_000)
    path = packed(tmp_path / "w.npz", (1_000_000,), bytes(4_000_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(DetectorError, match=r"unpacked it would have 4,000,\d+ bytes"):
        read_arrays(path)
    with pytest.raises(DetectorError, match="unpacked it would have"):
        read_torch_file(path)


def test_a_lone_array_is_no_archive(tmp_path):
    with (tmp_path / "w.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DetectorError, match="not a file of plain arrays"):
        read_arrays(tmp_path / "w.npz")
