"""One process runs the network for all workers: it can die, be replaced, and fail to start."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from ddaemon.daemon.dispatch.networks import Networks, SharedNetwork
from ddaemon.daemon.home.config import Config
from ddaemon.isolation.process import WorkerProcess
from ddaemon.isolation.sandbox.confinement import Confinement
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.errors import ConfigError, DetectorError, NetworkLost
from ddaemon.storage.registry import DetectorFolder, Registry

SHARED = Config.model_validate({"features": {"device": "cpu", "shared": "always"}})
READ = (Path(__file__).parent,)  # what a worker needs to find the functions below


def judge_noise(
    detector: DetectorFolder, settings: FeaturesSettings, seed: int
) -> tuple[int, str, float]:
    """In a worker: its process, what ran the network, and the logit of three crops of noise."""
    loaded = load_detector(detector, settings)
    size = loaded.record.preprocessing.size
    crops = np.random.default_rng(seed).integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    vectors, _ = loaded.extract(crops)
    return os.getpid(), type(loaded.backbone).__name__, loaded.judge(vectors).logit


@pytest.fixture
def detector() -> DetectorFolder:
    return Registry.of_bundled().active()


@pytest.fixture
def networks() -> Iterator[Networks]:
    running = Networks()
    yield running
    running.stop()


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess(100, Confinement(read=READ))
    yield process
    process.stop()


def of(networks: Networks, detector: DetectorFolder, config: Config = SHARED) -> SharedNetwork:
    network = networks.of(detector, config, [detector.path])
    assert network is not None
    return network


def ask(
    worker: WorkerProcess, detector: DetectorFolder, seed: int = 1, config: Config = SHARED
) -> tuple[int, str, float]:
    return worker.submit(judge_noise, detector, config.features, seed).result(60)


def pid_of(network: SharedNetwork) -> int:
    """The process that has no worker's call under way is the network's."""
    running = network.process._running
    assert running is not None
    return running.pid


def test_workers_that_share_a_network_say_what_each_says_with_its_own(
    networks: Networks, detector: DetectorFolder, worker: WorkerProcess
) -> None:
    own = ask(worker, detector)
    worker.handle_source = of(networks, detector)
    other = WorkerProcess(100, worker.confinement, worker.handle_source)
    try:
        shared = [ask(worker, detector), ask(other, detector)]
    finally:
        other.stop()
    assert own[1] == "OpenVinoBackbone"
    assert [engine for _, engine, _ in shared] == ["SharedBackbone"] * 2
    assert len({own[0], *(pid for pid, _, _ in shared)}) == len([own, *shared])
    assert [logit for _, _, logit in shared] == pytest.approx([own[2]] * 2, abs=1e-6)


def test_a_detector_has_one_network_until_nobody_uses_it(
    networks: Networks, detector: DetectorFolder
) -> None:
    network = of(networks, detector)
    assert of(networks, detector) is network
    pid = pid_of(network)
    networks.keep([None, network])
    assert psutil.pid_exists(pid)
    networks.keep([None])
    assert not psutil.pid_exists(pid)
    assert of(networks, detector) is not network


def test_a_network_that_dies_is_lost_to_its_workers_and_another_takes_its_place(
    networks: Networks, detector: DetectorFolder, worker: WorkerProcess
) -> None:
    network = worker.handle_source = of(networks, detector)
    pid, _, before = ask(worker, detector)
    os.kill(pid_of(network), signal.SIGKILL)
    while not network.is_gone():
        time.sleep(0.01)
    with pytest.raises(NetworkLost, match="gone"):
        ask(worker, detector)
    worker.handle_source = of(networks, detector)
    assert worker.handle_source is not network
    again, _, after = ask(worker, detector)
    assert again != pid
    assert after == before


def test_a_network_that_cannot_be_loaded_keeps_nobody_waiting_and_says_why(
    networks: Networks, detector: DetectorFolder, worker: WorkerProcess
) -> None:
    nowhere = Config.model_validate({"features": {"device": "gpu", "shared": "always"}})
    worker.handle_source = of(networks, detector, nowhere)
    with pytest.raises(NetworkLost) as lost:
        ask(worker, detector, config=nowhere)
    cause = networks.cause(lost.value)
    assert isinstance(cause, ConfigError)
    assert "features.device" in str(cause)


def test_a_network_is_of_the_detector_that_was_chosen(
    networks: Networks, detector: DetectorFolder, worker: WorkerProcess
) -> None:
    altered = DetectorFolder(detector.path, detector.record, "6" * 64, detector.bundled)
    worker.handle_source = of(networks, altered)
    with pytest.raises(NetworkLost) as lost:
        ask(worker, altered)
    assert isinstance(networks.cause(lost.value), DetectorError)


def test_other_errors_of_a_worker_are_their_own_cause(networks: Networks) -> None:
    error = ValueError("a stage's own")
    assert networks.cause(error) is error


def test_without_sharing_there_is_no_network(networks: Networks, detector: DetectorFolder) -> None:
    config = Config.model_validate({"features": {"device": "cpu"}})
    assert networks.of(detector, config, []) is None


def test_where_no_gpu_is_found_after_all_each_worker_runs_its_own(
    networks: Networks, detector: DetectorFolder, worker: WorkerProcess
) -> None:
    worker.handle_source = of(networks, detector)
    auto = Config.model_validate({"features": {"device": "cpu", "shared": "auto"}})
    assert ask(worker, detector, config=auto)[1] == "OpenVinoBackbone"
