"""Mixed precision and several devices, where there is a GPU that Keras can use."""

from collections.abc import Iterator
from contextlib import contextmanager

MIXED = "mixed_float16"
PARALLEL = ("jax",)  # backends with which Keras spreads a batch over devices


@contextmanager
def accelerated() -> Iterator[int]:
    """Networks that are built within this context use the GPUs that there are.

    Yields the number of devices that a batch is spread over, a power of two that must divide it.
    """
    import keras

    gpus = _gpus()
    spread = (
        1 << (len(gpus).bit_length() - 1) if keras.backend.backend() in PARALLEL and gpus else 1
    )
    policy, distribution = keras.mixed_precision.dtype_policy(), keras.distribution.distribution()
    try:
        if gpus:
            keras.mixed_precision.set_dtype_policy(MIXED)
        if spread > 1:
            keras.distribution.set_distribution(
                keras.distribution.DataParallel(devices=gpus[:spread])
            )
        yield spread
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
        keras.distribution.set_distribution(distribution)


def _gpus() -> list[str]:
    """Names such as `gpu:0`. All types are listed, because JAX raises for a type it has none of."""
    import keras

    if keras.backend.backend() == "torch":  # Keras has no list of devices for it
        return []
    return [name for name in keras.distribution.list_devices() if name.startswith("gpu")]
