"""The sequence head for training: the same network as `head.Head`, in Keras."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Arrays

DIRECTIONS = ("forward", "backward")
LSTM_WEIGHTS = ("kernel", "recurrent_kernel", "bias")
DENSE_WEIGHTS = {
    "frame": ("kernel", "bias"),
    "key": ("kernel", "bias"),
    "score": ("kernel",),
    "context": ("kernel", "bias"),
}


def build_head_network(
    width: int, units: int, attention_units: int, dropout: float = 0.0, decay: float = 0.0
) -> Any:
    """A `keras.Model` from sequences (n, steps, width), any number of steps, to logits (n, 1).

    It starts as the mean over the steps of each frame's own logit: the context adds nothing yet and
    the attention is uniform.

    Args:
        units: of the LSTM, each direction.
        attention_units: width of the attention's keys.
        dropout: share of the vector's elements, the same ones throughout a sequence, that are
            hidden from the LSTM, and share of the context's elements that are dropped.
        decay: L2 penalty on the LSTM's and the context's kernels.
    """
    import keras
    from keras import layers

    exact = {"dtype": "float32"}  # with mixed precision too: these go into the logit unscaled
    penalty = keras.regularizers.L2(decay)
    lstm = layers.LSTM(units, return_sequences=True, kernel_regularizer=penalty)
    seen = keras.Input((None, width), name="vectors")
    frame_logits = layers.Dense(1, name="frame", **exact)(seen)
    hidden = layers.SpatialDropout1D(dropout)(seen)
    states = layers.Bidirectional(lstm, name="sequence")(hidden)
    keys = layers.Dense(attention_units, activation="tanh", name="key")(states)
    energies = layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="score")(keys)
    attention = layers.Softmax(axis=1, name="attention", **exact)(energies)
    mean = layers.Reshape((1,), **exact)(layers.Dot(axes=1, **exact)([attention, frame_logits]))
    context = layers.Reshape((2 * units,))(layers.Dot(axes=1)([attention, states]))
    context = layers.Dense(
        1, kernel_initializer="zeros", kernel_regularizer=penalty, name="context", **exact
    )(layers.Dropout(dropout)(context))
    logit = layers.Add(name="logit", **exact)([mean, context])
    return keras.Model(seen, logit, name="bilstm_attention")


def head_arrays(network: Any) -> dict[str, NDArray[np.float32]]:
    """The weights of `build_head_network`'s network, as `head.Head` takes them."""
    return {name: np.asarray(v.numpy(), np.float32) for name, v in _variables(network).items()}


def set_head_arrays(network: Any, arrays: Arrays) -> None:
    """Set some of the network's weights, by the same names."""
    variables = _variables(network)
    for name, array in arrays.items():
        variables[name].assign(array)


def _variables(network: Any) -> dict[str, Any]:
    sequence = network.get_layer("sequence")
    named = {
        f"{direction}/{weight}": getattr(getattr(sequence, f"{direction}_layer").cell, weight)
        for direction in DIRECTIONS
        for weight in LSTM_WEIGHTS
    }
    for layer, weights in DENSE_WEIGHTS.items():
        named |= {
            f"{layer}/{weight}": getattr(network.get_layer(layer), weight) for weight in weights
        }
    return named
