"""Mixed precision and several devices, where there is a GPU that Keras knows of."""

from collections.abc import Iterator
from contextlib import contextmanager

MIXED = "mixed_float16"
PARALLEL = ("jax",)  # backends whose Keras spreads a batch over devices


@contextmanager
def accelerated() -> Iterator[int]:
    """Networks built within use what there is.

    Gives the number of devices a batch is spread over, a power of two: a batch must be a multiple.
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
    """Such as `gpu:0`. Asked without a type, because JAX raises where there is none of it."""
    import keras

    if keras.backend.backend() == "torch":  # Keras has no list of devices for it
        return []
    return [name for name in keras.distribution.list_devices() if name.startswith("gpu")]
