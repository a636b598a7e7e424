"""EfficientNet-Lite0 in Keras (Tan and Le 2019, arXiv:1905.11946; Lite: no squeeze-excitation,
ReLU6 for swish, stem and head unscaled)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...storage.errors import DetectorError
from .arrays import Arrays

NAME = "efficientnet_lite0"
WIDTH = 1280  # of the feature vector
STEM_WIDTH = 32
EPSILON = 1e-3  # of batch normalisation
# repeats, kernel side, stride of the first, expansion, width
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
BLOCKS = sum(group[0] for group in GROUPS)
STEPS = (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2"))
BATCH_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def build_efficientnet_lite0() -> Any:
    """The network, its weights not yet set: a `keras.Model`.

    Input: (n, rows, columns, 3), normalised RGB, any size. Outputs: the last feature map
    (n, rows / 32, columns / 32, 1280) and its mean over the places (n, 1280).
    """
    import keras

    seen = keras.Input((None, None, 3), name="face")
    x = _convolve(seen, "stem", STEM_WIDTH, kernel=3, stride=2)
    for number, (kernel, stride, expansion, width) in enumerate(_blocks()):
        x = _block(x, f"block{number}", kernel, stride, expansion, width)
    maps = _convolve(x, "head", WIDTH)
    vector = keras.layers.GlobalAveragePooling2D(name="vector")(maps)
    return keras.Model(seen, [maps, vector], name=NAME)


def arrays_from_torch(named: Arrays) -> dict[str, Any]:
    """Rename and transpose PyTorch's arrays to `<layer>/<weight>` of this network.

    Convolutions come as (out, in / groups, rows, columns). The classifier (`_fc`) is left out.
    Raises `DetectorError` naming the first array that is missing.
    """
    layers = [("stem", "_conv_stem", "_bn0"), ("head", "_conv_head", "_bn1")]
    layers += [
        (f"block{number}_{step}", f"_blocks.{number}._{step}_conv", f"_blocks.{number}.{norm}")
        for number in range(BLOCKS)
        for step, norm in STEPS
        if number or step != "expand"
    ]
    return {name: array for layer in layers for name, array in _layer_arrays(named, *layer)}


def _blocks() -> Iterator[tuple[int, int, int, int]]:
    for repeats, kernel, stride, expansion, width in GROUPS:
        yield kernel, stride, expansion, width
        for _ in range(repeats - 1):
            yield kernel, 1, expansion, width


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, width: int) -> Any:
    """An inverted residual (Sandler et al. 2018, arXiv:1801.04381)."""
    import keras

    before = x
    if expansion > 1:
        x = _convolve(x, f"{name}_expand", x.shape[-1] * expansion)
    depthwise = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = _relu6(_normalise(depthwise(x), f"{name}_depthwise"), f"{name}_depthwise")
    x = _convolve(x, f"{name}_project", width, activate=False)
    if stride == 1 and before.shape[-1] == width:
        x = keras.layers.Add(name=f"{name}_add")([x, before])
    return x


def _convolve(
    x: Any, name: str, width: int, *, kernel: int = 1, stride: int = 1, activate: bool = True
) -> Any:
    import keras

    convolution = keras.layers.Conv2D(
        width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv"
    )
    x = _normalise(convolution(x), name)
    return _relu6(x, name) if activate else x


def _normalise(x: Any, name: str) -> Any:
    import keras

    return keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)


def _relu6(x: Any, name: str) -> Any:
    import keras

    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6")(x)


def _layer_arrays(
    named: Arrays, layer: str, convolution: str, norm: str
) -> Iterator[tuple[str, Any]]:
    # Keras: (rows, columns, in, out), and depthwise (rows, columns, in, 1).
    axes = (2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0)
    kernel = _array(named, f"{convolution}.weight")
    yield f"{layer}_conv/kernel", np.ascontiguousarray(kernel.transpose(axes))
    for ours, theirs in BATCH_NORM.items():
        yield f"{layer}_bn/{ours}", _array(named, f"{norm}.{theirs}")


def _array(named: Mapping[str, Any], name: str) -> Any:
    if name not in named:
        raise DetectorError(f"these are not the weights of EfficientNet-Lite0: no {name}")
    return named[name]
