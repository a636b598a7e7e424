"""EfficientNet-Lite0 a second time, in plain NumPy over PyTorch's arrays, to compare with.

Sides and widths are read off the arrays; only the strides have to be known.
"""

import numpy as np

STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
WIDTHS = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320)
SIDES = (3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3)


def random_arrays(seed=0):
    """Weights under PyTorch's names, with batch statistics that are not those of a new network."""
    random = np.random.default_rng(seed)
    arrays = {}

    def convolution(name, out, into, side):
        scale = np.sqrt(2 / (into * side * side))
        arrays[f"{name}.weight"] = random.normal(0, scale, (out, into, side, side))

    def norm(name, width):
        arrays[f"{name}.weight"] = random.uniform(0.5, 1.5, width)
        arrays[f"{name}.bias"] = random.normal(0, 0.2, width)
        arrays[f"{name}.running_mean"] = random.normal(0, 0.2, width)
        arrays[f"{name}.running_var"] = random.uniform(0.5, 1.5, width)

    convolution("_conv_stem", 32, 3, 3)
    norm("_bn0", 32)
    before = 32
    for number, (width, side) in enumerate(zip(WIDTHS, SIDES, strict=True)):
        block, inner = f"_blocks.{number}", before * (6 if number else 1)
        if number:
            convolution(f"{block}._expand_conv", inner, before, 1)
            norm(f"{block}._bn0", inner)
        convolution(f"{block}._depthwise_conv", inner, 1, side)
        norm(f"{block}._bn1", inner)
        convolution(f"{block}._project_conv", width, inner, 1)
        norm(f"{block}._bn2", width)
        before = width
    convolution("_conv_head", 1280, 320, 1)
    norm("_bn1", 1280)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def run(arrays, x):
    """The pooled vectors (n, 1280) of normalised images (n, 3, rows, columns)."""
    arrays = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    x = _relu6(_norm(_convolve(x, arrays["_conv_stem.weight"], 2), arrays, "_bn0"))
    for number, stride in enumerate(STRIDES):
        x = _block(x, arrays, f"_blocks.{number}", stride)
    x = _relu6(_norm(_convolve(x, arrays["_conv_head.weight"], 1), arrays, "_bn1"))
    return x.mean(axis=(2, 3))


def _block(x, arrays, name, stride):
    before = x
    if f"{name}._expand_conv.weight" in arrays:
        x = _convolve(x, arrays[f"{name}._expand_conv.weight"], 1)
        x = _relu6(_norm(x, arrays, f"{name}._bn0"))
    x = _convolve(x, arrays[f"{name}._depthwise_conv.weight"], stride, depthwise=True)
    x = _relu6(_norm(x, arrays, f"{name}._bn1"))
    x = _norm(_convolve(x, arrays[f"{name}._project_conv.weight"], 1), arrays, f"{name}._bn2")
    return x + before if x.shape == before.shape else x


def _convolve(x, weight, stride, depthwise=False):
    side = weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(_pad(x, side, stride), (side, side), (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    if depthwise:
        return np.einsum("ncyxij,cij->ncyx", windows, weight[:, 0])
    return np.einsum("ncyxij,ocij->noyx", windows, weight, optimize=True)


def _pad(x, side, stride):
    """TensorFlow's "SAME": as many places out as in / stride, the odd pixel at the far end."""
    margins = [(0, 0), (0, 0)]
    for length in x.shape[2:]:
        out = -(-length // stride)
        total = max(0, (out - 1) * stride + side - length)
        margins.append((total // 2, total - total // 2))
    return np.pad(x, margins)


def _norm(x, arrays, name):
    scale = arrays[f"{name}.weight"] / np.sqrt(arrays[f"{name}.running_var"] + 1e-3)
    shift = arrays[f"{name}.bias"] - arrays[f"{name}.running_mean"] * scale
    return x * scale[:, None, None] + shift[:, None, None]


def _relu6(x):
    return np.clip(x, 0, 6)
