"""A Keras network as plain JSON: what is computed in which order, and nothing that could run.

It is cut down from Keras' own configuration (`network.get_config()`): only training, which has
Keras, writes it, and serving needs no Keras to read it.
"""

import json
from typing import Any

Layer = dict[str, Any]  # {"name", "kind", "inputs": [names of layers], "config"}
Description = dict[str, Any]  # {"format", "name", "layers": [Layer], "outputs": [map, vector]}

FORMAT = 1
# Initialisers and the like say how weights were first drawn, which serving need not know.
KEPT = frozenset(
    {
        "activation",
        "axis",
        "data_format",
        "depth_multiplier",
        "dilation_rate",
        "epsilon",
        "groups",
        "invert",
        "keepdims",
        "max_value",
        "mean",
        "negative_slope",
        "offset",
        "padding",
        "scale",
        "strides",
        "target_shape",
        "threshold",
        "variance",
    }
)


def describe(network: Any) -> Description:
    """Describe a functional Keras network whose outputs are a map and a vector."""
    config = network.get_config()
    described = {
        "format": FORMAT,
        "name": config["name"],
        "layers": [_describe_layer(layer) for layer in config["layers"]],
        "outputs": [history[0] for history in config["output_layers"]],
    }
    plain: Description = json.loads(json.dumps(described))  # tuples become lists, as in the file
    return plain


def _describe_layer(layer: dict[str, Any]) -> Layer:
    return {
        "name": layer["name"],
        "kind": layer["class_name"],
        "inputs": [name for node in layer["inbound_nodes"] for name in _sources(node["args"])],
        "config": {key: value for key, value in layer["config"].items() if key in KEPT},
    }


def _sources(argument: Any) -> list[str]:
    """The names of the layers whose tensors an argument holds."""
    if isinstance(argument, list | tuple):
        return [name for item in argument for name in _sources(item)]
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        return [argument["config"]["keras_history"][0]]
    return []
