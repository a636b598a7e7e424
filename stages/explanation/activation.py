"""Class activation maps from the head's gradient and the maps that the forward pass made anyway.

What holds here. The backbone ends in global average pooling: a frame's vector is v_k = mean over
places of A^k, and the logit S is a function of the frames' vectors alone, however nonlinear. So

    dS/dA^k_ij = g_k / Z,    g_k = dS/dv_k,    Z = rows * columns,

the same at every place (i, j). Hence no second pass through the backbone, and hence, too, methods
that differ only in how they treat the places of one channel are the same here:

- HiResCAM (Draelos and Carin 2020, arXiv:2011.08891) multiplies gradient and activation place by
  place; with a gradient that is the same everywhere this is Grad-CAM itself.
- LayerCAM (Jiang et al. 2021) does so with the positive part of the gradient: channels that speak
  against a fake are left out. Grad-CAM++ below does the same, and weighs a little differently.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Heat = NDArray[np.float32]  # (rows, columns), never negative
FrameMaps = NDArray[Any]  # (rows, columns, width): the backbone's last feature maps of one frame
Gradient = NDArray[np.float32]  # (width,): d(logit) / d(vector), the vector being the maps' mean


def grad_cam(maps: FrameMaps, gradient: Gradient) -> Heat:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2).

    A channel's weight is its gradient averaged over the places, g_k / Z; the weighted sum is cut
    off at zero. Without the cut, the places' sum is Z times the first-order share of this frame
    in the logit, sum_k g_k v_k / Z.
    """
    return _weighted(maps, gradient / (maps.shape[0] * maps.shape[1]))


def grad_cam_plus_plus(maps: FrameMaps, gradient: Gradient) -> Heat:
    """Grad-CAM++ (Chattopadhay et al. 2018, arXiv:1710.11063) of exp(S).

    With Y = exp(S), and second derivatives of S itself neglected, as the paper does, a place's
    weight is, for d = dS/dA^k_ij,

        alpha^k_ij = d^2 / (2 d^2 + d^3 sum_ab A^k_ab),

    and a channel's is w_k = sum_ij alpha^k_ij relu(dY/dA^k_ij). Put in d = g_k / Z and
    sum_ab A^k_ab = Z v_k: alpha = 1 / (2 + g_k v_k) at every place, and

        w_k = exp(S) relu(g_k) / (2 + g_k v_k).

    So the weighting of places, which is what the method adds, falls out: every place of a channel
    gets the same weight. What remains of the difference to Grad-CAM: channels that speak against a
    fake are not subtracted, and a channel counts less the more it already contributes (g_k v_k,
    small beside 2 when many channels share the logit: then this is LayerCAM). Both the neglect and
    the exponential are conventions, not properties of this head, which is not piecewise linear.

    exp(S) is left out: it is one factor for all frames of a person, and between persons it would
    drown the less suspicious. Where 2 + g_k v_k is not positive the formula means nothing and the
    channel is left out (this takes negative activations, which ReLU networks do not have).
    """
    below = 2 + gradient * maps.astype(np.float32).mean(axis=(0, 1))
    used = (gradient > 0) & (below > 0)
    return _weighted(maps, np.divide(gradient, below, out=np.zeros_like(gradient), where=used))


ACTIVATIONS: dict[str, Callable[[FrameMaps, Gradient], Heat]] = {
    "gradcam": grad_cam,
    "gradcam++": grad_cam_plus_plus,
}


def enlarge_heat(heat: Heat, width: int, height: int) -> NDArray[np.float32]:
    """Heat for each pixel of what the network saw, (height, width); between two hot cells, and
    beside one, it may leave their range a little."""
    full = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(full, np.float32)


def _weighted(maps: FrameMaps, weights: Gradient) -> Heat:
    return np.asarray(np.maximum(maps.astype(np.float32) @ weights, 0), np.float32)
