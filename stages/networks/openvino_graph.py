"""Builds an OpenVINO graph from a network's description and its arrays, without Keras.

Only the layers that the two backbones need have a rule here; any other is refused by name. Inside,
images are channels first, OpenVINO's convention: the input is transposed once on its way in, and
the map once on its way out. "same" padding is TensorFlow's: the odd pixel goes to the lower right.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.preprocess import PrePostProcessor

from ...storage.errors import DetectorError
from ...storage.text import clipped
from .arrays import Arrays
from .description import FORMAT, Description, Layer

TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)
CHANNELS_LAST = ov.Layout("NHWC")
PADDING = {"same": "SAME_UPPER", "valid": "VALID"}
MAX_ERROR_LENGTH = 300  # letters
Node = Any
Rule = Callable[[Layer, list[Node], Arrays], Node]


def build_graph(description: Description, arrays: Arrays) -> ov.Model:
    """The network as an `openvino.Model`.

    Input: (n, rows, columns, 3) float32. Outputs: `maps` (n, r, c, width), `vectors` (n, width).
    Raises `DetectorError` naming the layer that is not understood or whose weights are missing, or
    saying why it can't be built.
    """
    try:
        return _graph(description, arrays)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        # The file's content is untrusted, and OpenVINO's message can be pages long.
        reason = clipped(str(error).strip() or type(error).__name__, MAX_ERROR_LENGTH)
        raise DetectorError(f"network.json can't be built: {reason}") from error


def _graph(description: Description, arrays: Arrays) -> ov.Model:
    if description.get("format") != FORMAT:
        raise DetectorError(f"network.json is of format {description.get('format')}, not {FORMAT}")
    nodes: dict[str, Node] = {}
    seen = ops.parameter([-1, -1, -1, 3], np.float32, name="faces")
    for layer in description["layers"]:
        nodes[layer["name"]] = _build_layer(layer, nodes, arrays, seen)
    maps, vectors = (nodes[name] for name in description["outputs"])
    maps = ops.transpose(maps, np.array(TO_CHANNELS_LAST))
    return ov.Model(
        [_named(ops.result(maps), "maps"), _named(ops.result(vectors), "vectors")],
        [seen],
        description["name"],
    )


def from_pixels(graph: ov.Model, mean: Sequence[float], std: Sequence[float]) -> ov.Model:
    """`build_graph`'s network, taking uint8 pixels and giving its maps as float16.

    `(x - mean) / std` for each colour, and both conversions, are done inside: as exact as in
    NumPy, without a float copy of every crop. `graph` itself is changed.
    """
    steps = PrePostProcessor(graph)
    faces = steps.input()
    faces.tensor().set_element_type(ov.Type.u8).set_layout(CHANNELS_LAST)
    faces.model().set_layout(CHANNELS_LAST)
    faces.preprocess().convert_element_type(ov.Type.f32).mean(list(mean)).scale(list(std))
    steps.output("maps").tensor().set_element_type(ov.Type.f16)
    return steps.build()


def _build_layer(layer: Layer, nodes: dict[str, Node], arrays: Arrays, seen: Node) -> Node:
    if layer["kind"] == "InputLayer":
        return ops.transpose(seen, np.array(TO_CHANNELS_FIRST))
    if layer["kind"] not in RULES:
        raise DetectorError(f"layer {layer['name']}: kind {layer['kind']} is not understood")
    config = layer["config"]
    if config.get("data_format", "channels_last") != "channels_last":
        raise DetectorError(f"layer {layer['name']}: images must be channels last")
    try:
        return RULES[layer["kind"]](layer, [nodes[name] for name in layer["inputs"]], arrays)
    except KeyError as error:
        raise DetectorError(f"layer {layer['name']}: {error} is missing") from error


def _convolution(layer: Layer, inputs: list[Node], arrays: Arrays) -> Node:
    config = layer["config"]
    _require(layer, "groups", 1)
    kernel = arrays[f"{layer['name']}/kernel"].transpose(3, 2, 0, 1)
    geometry = _geometry(layer)
    x = ops.convolution(inputs[0], _constant(kernel), **geometry)
    return _activated(config["activation"], layer, _biased(x, layer, arrays))


def _depthwise(layer: Layer, inputs: list[Node], arrays: Arrays) -> Node:
    _require(layer, "depth_multiplier", 1)
    kernel = arrays[f"{layer['name']}/kernel"].transpose(2, 3, 0, 1)[:, None]  # (in, 1, 1, r, c)
    x = ops.group_convolution(inputs[0], _constant(kernel), **_geometry(layer))
    return _activated(layer["config"]["activation"], layer, _biased(x, layer, arrays))


def _geometry(layer: Layer) -> dict[str, Any]:
    config = layer["config"]
    _require(layer, "dilation_rate", [1, 1])
    if config["padding"] not in PADDING:
        raise DetectorError(f"layer {layer['name']}: padding {config['padding']!r}")
    return {
        "strides": list(config["strides"]),
        "pads_begin": [0, 0],
        "pads_end": [0, 0],
        "dilations": [1, 1],
        "auto_pad": PADDING[config["padding"]],
    }


def _biased(x: Node, layer: Layer, arrays: Arrays) -> Node:
    bias = arrays.get(f"{layer['name']}/bias")
    return x if bias is None else ops.add(x, _by_channel(bias))


def _batch_norm(layer: Layer, inputs: list[Node], arrays: Arrays) -> Node:
    """One factor and one summand for each channel, which OpenVINO folds into the convolution."""
    name = layer["name"]
    variance, mean = arrays[f"{name}/moving_variance"], arrays[f"{name}/moving_mean"]
    factor = arrays[f"{name}/gamma"] / np.sqrt(variance + layer["config"]["epsilon"])
    return _affine(inputs[0], factor, arrays[f"{name}/beta"] - mean * factor)


def _normalization(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    config = layer["config"]
    _require(layer, "invert", False)
    factor = 1 / np.sqrt(np.asarray(config["variance"], np.float64))
    return _affine(inputs[0], factor, -np.asarray(config["mean"]) * factor)


def _rescaling(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    config = layer["config"]
    return _affine(inputs[0], np.atleast_1d(config["scale"]), np.atleast_1d(config["offset"]))


def _affine(x: Node, factor: Any, summand: Any) -> Node:
    return ops.add(ops.multiply(x, _by_channel(factor)), _by_channel(summand))


def _relu(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    _require(layer, "negative_slope", 0.0)
    _require(layer, "threshold", 0.0)
    highest = layer["config"]["max_value"]
    return ops.relu(inputs[0]) if highest is None else ops.clamp(inputs[0], 0.0, float(highest))


def _activation(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    return _activated(layer["config"]["activation"], layer, inputs[0])


def _activated(activation: Any, layer: Layer, x: Node) -> Node:
    if activation not in ACTIVATIONS:
        raise DetectorError(f"layer {layer['name']}: activation {activation!r} is not understood")
    return ACTIVATIONS[activation](x)


def _reshape(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    """A vector to an image of one pixel: the only reshaping with an unambiguous order of axes."""
    rows, columns, channels = layer["config"]["target_shape"]
    if (rows, columns) != (1, 1):
        raise DetectorError(f"layer {layer['name']}: only vectors are reshaped, to (1, 1, width)")
    return ops.reshape(inputs[0], np.array([0, channels, 1, 1]), special_zero=True)


def _pool(layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    return ops.reduce_mean(inputs[0], np.array([2, 3]), bool(layer["config"]["keepdims"]))


def _add(_layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    return _fold(ops.add, inputs)


def _multiply(_layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    return _fold(ops.multiply, inputs)


def _fold(operation: Callable[[Node, Node], Node], inputs: list[Node]) -> Node:
    first, *others = inputs
    for other in others:
        first = operation(first, other)
    return first


def _identity(_layer: Layer, inputs: list[Node], _arrays: Arrays) -> Node:
    return inputs[0]


def _by_channel(values: Any) -> Node:
    return _constant(np.asarray(values).reshape(1, -1, 1, 1))


def _constant(values: Any) -> Node:
    return ops.constant(np.ascontiguousarray(values, np.float32))


def _require(layer: Layer, key: str, expected: Any) -> None:
    value = layer["config"].get(key, expected)
    if value != expected:
        raise DetectorError(f"layer {layer['name']}: {key} is {value!r}, expected {expected!r}")


def _named(node: Node, name: str) -> Node:
    node.output(0).get_tensor().set_names({name})
    return node


ACTIVATIONS: Mapping[Any, Callable[[Node], Node]] = {
    "linear": lambda x: x,
    "relu6": lambda x: ops.clamp(x, 0.0, 6.0),
    "sigmoid": ops.sigmoid,
    "silu": ops.swish,
}
RULES: Mapping[str, Rule] = {
    "Activation": _activation,
    "Add": _add,
    "BatchNormalization": _batch_norm,
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _identity,
    "GlobalAveragePooling2D": _pool,
    "Multiply": _multiply,
    "Normalization": _normalization,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
}
