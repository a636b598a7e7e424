"""Which machine's network runs where."""

import pytest

from ddaemon.stages.networks import devices
from ddaemon.stages.networks.devices import is_shared, may_have_gpu, wants_gpu
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.errors import ConfigError


@pytest.mark.parametrize(
    ("device", "machine", "tensorflow", "expected"),
    [
        ("auto", True, True, True),
        ("auto", True, False, False),
        ("auto", False, True, False),
        ("cpu", True, True, False),
        ("gpu", True, True, True),
    ],
)
def test_a_gpu_is_taken_where_there_is_one(monkeypatch, device, machine, tensorflow, expected):
    monkeypatch.setattr(devices, "may_have_gpu", lambda: machine)
    monkeypatch.setattr(devices, "_gpu_in_tensorflow", lambda: tensorflow)
    assert wants_gpu(FeaturesSettings(device=device)) is expected


def test_a_gpu_that_is_asked_for_and_not_there_is_a_fault(monkeypatch):
    monkeypatch.setattr(devices, "may_have_gpu", lambda: False)
    with pytest.raises(ConfigError, match=r"features\.device"):
        wants_gpu(FeaturesSettings(device="gpu"))


@pytest.mark.parametrize(
    ("shared", "device", "machine", "expected"),
    [
        ("auto", "auto", True, True),
        ("auto", "gpu", True, True),
        ("auto", "auto", False, False),
        ("auto", "cpu", True, False),
        ("always", "cpu", False, True),
        ("never", "gpu", True, False),
    ],
)
def test_a_network_is_shared_on_a_gpu_or_where_it_is_asked_for(
    monkeypatch, shared, device, machine, expected
):
    monkeypatch.setattr(devices, "may_have_gpu", lambda: machine)
    assert is_shared(FeaturesSettings(shared=shared, device=device)) is expected


@pytest.mark.parametrize("sign", ["a file", "a folder with something in it"])
def test_a_driver_is_known_by_its_files(monkeypatch, tmp_path, sign):
    empty, there = tmp_path / "gpus", tmp_path / "nvidia0"
    empty.mkdir()
    monkeypatch.setattr(devices, "NVIDIA_SIGNS", (str(empty), str(there)))
    assert not may_have_gpu()
    if sign == "a file":
        there.touch()
    else:
        (empty / "0000:01:00.0").mkdir()
    assert may_have_gpu()


def test_without_tensorflow_no_gpu_is_of_use(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "NVIDIA_SIGNS", (str(tmp_path / "nvidia0"),))
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(devices, "find_spec", lambda _name: None)
    assert not may_have_gpu()
