"""Who may touch what, by the settings."""

from pathlib import Path

import pytest

from ddaemon.daemon.dispatch import confining
from ddaemon.daemon.dispatch.confining import confine_network, confine_worker
from ddaemon.daemon.home.config import Config

GPU = (Path("/dev/nvidia0"),)
HOME = Path("/home-of-ddaemon")


def config(device: str) -> Config:
    return Config.model_validate({"features": {"device": device, "weights": "~/weights.h5"}})


@pytest.fixture(autouse=True)
def _gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confining, "gpu_devices", lambda: GPU)


@pytest.mark.parametrize(
    ("device", "shares", "expected"),
    [("auto", False, GPU), ("auto", True, ()), ("gpu", True, ()), ("cpu", False, ())],
)
def test_a_worker_touches_the_gpu_only_where_it_runs_the_network_itself(
    device: str, shares: bool, expected: tuple[Path, ...]
) -> None:
    allowed = confine_worker(config(device), (), HOME / "work", shares=shares)
    assert allowed.devices == expected
    # CUDA keeps more in hand than it uses, so only who runs on a GPU goes without this limit.
    assert (allowed.memory_bytes is None) == bool(expected)


def test_what_runs_the_network_for_all_reads_detectors_and_weights_and_writes_nothing() -> None:
    allowed = confine_network(config("auto"), [HOME / "detectors"], [HOME])
    assert allowed.read == (HOME / "detectors", Path("~/weights.h5").expanduser())
    assert allowed.write == ()
    assert allowed.private == (HOME,)
    assert allowed.devices == GPU
    assert confine_network(config("cpu"), []).devices == ()
