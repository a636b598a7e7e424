"""Whether this machine has a GPU that a network can run on."""

import os
from importlib.util import find_spec
from pathlib import Path

from ...storage.errors import ConfigError
from ..settings import FeaturesSettings

CPU_ENGINE, GPU_ENGINE = "openvino", "tensorflow"
NVIDIA_SIGNS = ("/proc/driver/nvidia/gpus", "/dev/nvidia0", "/dev/dxg")


def is_shared(settings: FeaturesSettings) -> bool:
    """Whether the service is to run one network for all workers. Imports nothing heavy: only the
    process that runs the network finds out whether TensorFlow sees the GPU."""
    if settings.shared == "auto":
        return settings.device != "cpu" and may_have_gpu()
    return settings.shared == "always"


def wants_gpu(settings: FeaturesSettings) -> bool:
    """Whether to run through TensorFlow; it is imported only when the machine may have a GPU.

    Raises `ConfigError` when a GPU is asked for and there is none.
    """
    if settings.device == "cpu":
        return False
    usable = may_have_gpu() and _gpu_in_tensorflow()
    if settings.device == "gpu" and not usable:
        raise ConfigError(
            'features.device is "gpu", but TensorFlow finds none: install ddaemon[gpu] on a '
            'machine with an NVIDIA driver, or set it to "cpu"'
        )
    return usable


def may_have_gpu() -> bool:
    """Whether there is an NVIDIA driver, and TensorFlow is installed."""
    driven = any(_holds_something(Path(sign)) for sign in NVIDIA_SIGNS)
    return driven and find_spec("tensorflow") is not None


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _gpu_in_tensorflow() -> bool:
    # Otherwise the first process takes nearly all of the GPU's memory and leaves none to others.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    import tensorflow as tf

    # float32 products in TF32 (10 bits) shift scores: a verdict must not depend on the machine.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return bool(tf.config.list_physical_devices("GPU"))
