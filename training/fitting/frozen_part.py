"""Splitting a network into the part that learns and the frozen part that feeds it.

Frozen layers need no gradients and no TensorFlow: they run as in serving, folded, in a tenth of the
time. On a CPU more than half of a step goes into the first few layers, which see the largest
pictures and learn least.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.media.video import Image
from ...stages.networks.arrays import get_arrays
from ...stages.networks.backbone import OpenVinoBackbone, normalise
from ...stages.networks.description import describe
from ...stages.networks.imagenet import with_vector
from ...storage.detector_record import PreprocessingRecord
from ...storage.errors import UserError

FrozenPart = Callable[[Image], NDArray[np.floating[Any]]]  # crops (n, size, size, 3) -> an input


def split_network(
    network: Any, frozen_to: str, preprocessing: PreprocessingRecord
) -> tuple[Any, FrozenPart]:
    """The part of `network` above the layer `frozen_to`, and a function that runs the part below.

    Both parts keep the network's own variables. Without a layer's name the whole network learns.
    Raises `UserError` when there is no such layer, or when a connection bypasses it.
    """
    if not frozen_to:
        return network, lambda pixels: normalise(pixels, preprocessing)
    import keras

    cut = _output_of(network, frozen_to)
    try:
        upper = keras.Model(cut, network.output)
    except ValueError as error:
        raise UserError(
            f"finetuning.frozen_to: something goes past {frozen_to}; name a layer that everything "
            "goes through, such as the last one of a block"
        ) from error
    lower = with_vector(keras.Model(network.input, cut))
    once = preprocessing.model_copy(update={"mirrored": False})
    frozen = OpenVinoBackbone(describe(lower), get_arrays(lower), once, threads=0)
    return upper, lambda pixels: frozen.run(pixels)[1]


def _output_of(network: Any, name: str) -> Any:
    for layer in network.layers:
        if layer.name == name:
            return layer.output
    known = ", ".join(layer.name for layer in network.layers if layer.name.endswith("add"))
    raise UserError(f"finetuning.frozen_to: there is no layer {name!r}; for example: {known}")
