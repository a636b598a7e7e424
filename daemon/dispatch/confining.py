"""What each kind of worker may do under a configuration, given the folders it works in."""

import os
from collections.abc import Iterable
from pathlib import Path

from ...isolation.sandbox.confinement import Confinement
from ..home.config import Config

MB = 1_000_000
STARTING_S = 60.0  # of processor time, to load the detector before a job
HASHING_S = 600.0  # of processor time: a file that can't be opened in time is still hashed
GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dxg")  # in /dev
GPU_FACTS = Path("/proc/driver/nvidia")


def confine_worker(
    config: Config,
    read: Iterable[Path],
    write: Path,
    private: Iterable[Path] = (),
    *,
    shares: bool = False,
) -> Confinement:
    """For a worker that runs the chain: it reads videos and detectors, and writes to one folder.

    A worker that `shares` the network of another process does not touch the GPU.
    """
    named = [config.features.weights, config.examine.trust, *config.workers.readable]
    devices = () if shares else _devices(config)
    limits = config.workers
    return Confinement(
        mode=limits.sandbox,
        read=(*read, *(Path(name).expanduser() for name in named if name)),
        write=(write,),
        devices=devices,
        private=tuple(private),
        # CUDA reserves more memory than it uses; what it uses is still watched from outside.
        memory_bytes=None if devices else limits.memory_mb * MB,
        # A call may keep every processor busy.
        cpu_seconds=limits.job_seconds * (os.cpu_count() or 1) + STARTING_S,
    )


def confine_network(
    config: Config, read: Iterable[Path], private: Iterable[Path] = ()
) -> Confinement:
    """For the process that runs the network for all workers: it reads detectors and weights, sees
    no video, and writes nothing. It lives as long as the service, so its processor time has no
    limit."""
    weights = config.features.weights
    return Confinement(
        mode=config.workers.sandbox,
        read=(*read, *([Path(weights).expanduser()] if weights else [])),
        devices=_devices(config),
        private=tuple(private),
    )


def confine_examiner(config: Config, inbox: Path, private: Iterable[Path] = ()) -> Confinement:
    """For the process that opens and hashes arrived files: it writes nothing at all."""
    limits = config.workers
    return Confinement(
        mode=limits.sandbox,
        read=(inbox,),
        private=tuple(private),
        memory_bytes=limits.memory_mb * MB,
        cpu_seconds=limits.job_seconds + HASHING_S,
    )


def _devices(config: Config) -> tuple[Path, ...]:
    return gpu_devices() if config.features.device != "cpu" else ()


def gpu_devices() -> tuple[Path, ...]:
    """The device files of NVIDIA's driver; none on a machine without a GPU."""
    found = sorted(path for name in GPU_DEVICES for path in Path("/dev").glob(name))
    return (*found, GPU_FACTS) if found else ()
