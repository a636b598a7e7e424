"""The sequence head for serving: a bidirectional LSTM with attention in NumPy, and its gradient.

NumPy instead of a converted graph allows sequences of any length, one copy of the weights and an
exact gradient for Grad-CAM; a track takes milliseconds, the backbone seconds.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import DetectorError
from .arrays import Arrays
from .lstm import Floats, ForwardPass, Lstm

EXCHANGED_STEPS = 8192  # steps of all sequences together that are held in memory at once


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What the head computes for one sequence."""

    logit: float  # of fake, before calibration
    frame_logits: NDArray[np.float32]  # (steps,): of each frame alone
    attention: NDArray[np.float32]  # (steps,): sums to 1
    gradient: NDArray[np.float32]  # (steps, width): d(logit) / d(vector)


@dataclass(frozen=True, slots=True)
class Attention:
    """Additive attention (Bahdanau et al. 2015, arXiv:1409.0473): e = v . tanh(W h + b).

    `kernel` (2 units, attention units), `bias` (attention units), `score` (attention units).
    """

    kernel: Floats
    bias: Floats
    score: Floats

    def run(self, states: Floats) -> tuple[Floats, Floats]:
        """Keys (steps, ..., attention units) and weights (steps, ...) that sum to 1 over steps.

        `states` is (steps, 2 units), or (steps, sequences, 2 units) for many at once.
        """
        keys = np.tanh(states @ self.kernel + self.bias)
        energies = keys @ self.score
        weights = np.exp(energies - energies.max(axis=0))
        return np.asarray(keys, np.float32), np.asarray(weights / weights.sum(axis=0), np.float32)

    def back(self, keys: Floats, weights: Floats, gradient: Floats) -> Floats:
        """d(loss)/d(states) from `gradient` = d(loss)/d(weights)."""
        energies = weights * (gradient - weights @ gradient)
        inner = energies[:, None] * self.score * (1 - keys**2)
        return np.asarray(inner @ self.kernel.T, np.float32)


class Head:
    """logit = sum_t a_t (w_s . x_t + b_s + w_c . h_t) + b_c.

    x_t is a frame's vector, h_t the bidirectional LSTM's state (Schuster and Paliwal 1997), a_t
    its attention. So the logit is the attention-weighted mean of each frame's own logit, plus what
    the sequence adds.

    Args:
        arrays: float32, under the names that `head_network.head_arrays` gives.

    Raises `DetectorError` when an array is missing or does not fit the others.
    """

    def __init__(self, arrays: Arrays) -> None:
        get = partial(_get, arrays)
        self.forward = _lstm(arrays, "forward")
        self.backward = _lstm(arrays, "backward")
        self.width, units = self.forward.kernel.shape[0], self.forward.units
        key = get("key/kernel", (2 * units, None))
        inner = key.shape[1]
        self.attention = Attention(
            key, get("key/bias", (inner,)), get("score/kernel", (inner, 1))[:, 0]
        )
        self.frame_kernel = get("frame/kernel", (self.width, 1))[:, 0]
        self.frame_bias = get("frame/bias", (1,))[0]
        self.context_kernel = get("context/kernel", (2 * units, 1))[:, 0]
        self.context_bias = get("context/bias", (1,))[0]

    def run(self, vectors: Floats) -> HeadOutput:
        """Judge one sequence (steps, width) in order of time; at least one step."""
        ahead, behind = self.forward.run(vectors), self.backward.run(vectors[::-1])
        states = np.concatenate([ahead.states, behind.states[::-1]], axis=1)
        keys, weights = self.attention.run(states)
        frame_logits = vectors @ self.frame_kernel + self.frame_bias
        said = frame_logits + states @ self.context_kernel  # (steps,)
        d_states = self.attention.back(keys, weights, said) + np.outer(weights, self.context_kernel)
        return HeadOutput(
            logit=float(weights @ said + self.context_bias),
            frame_logits=frame_logits,
            attention=weights,
            gradient=np.outer(weights, self.frame_kernel) + self._back(ahead, behind, d_states),
        )

    def run_mean(self, vectors: Floats) -> HeadOutput:
        """Judge the mean vector as a sequence of one step; each frame's logit is that of the frame
        alone, and all frames have the same weight."""
        count = len(vectors)
        whole = self.run(vectors.mean(axis=0, keepdims=True))
        alone = [self.run(vector[None]).logit for vector in vectors]
        return HeadOutput(
            logit=whole.logit,
            frame_logits=np.array(alone, np.float32),
            attention=np.full(count, 1 / count, np.float32),
            gradient=np.repeat(whole.gradient / count, count, axis=0),
        )

    def exchange(self, vectors: Floats, step: int, others: Floats) -> Floats:
        """The logits (n,) of a sequence (steps, width) whose vector at `step` is replaced by each
        of `others` (n, width) in turn."""
        size = max(1, EXCHANGED_STEPS // len(vectors))
        parts = (others[start : start + size] for start in range(0, len(others), size))
        return np.concatenate([self._exchange(vectors, step, part) for part in parts])

    def exchange_mean(self, vectors: Floats, step: int, others: Floats) -> Floats:
        """The same for a head that judges the mean vector."""
        mean = vectors.mean(axis=0, keepdims=True)
        return self.exchange(mean, 0, mean + (others - vectors[step]) / len(vectors))

    def _exchange(self, vectors: Floats, step: int, others: Floats) -> Floats:
        ahead = self.forward.states(_fed(self.forward, vectors, step, others))
        last = len(vectors) - 1 - step
        behind = self.backward.states(_fed(self.backward, vectors[::-1], last, others))
        states = np.concatenate([ahead, behind[::-1]], axis=2)  # (steps, n, 2 units)
        _, weights = self.attention.run(states)
        frame_logits = _replaced(vectors @ self.frame_kernel, step, others @ self.frame_kernel)
        said = frame_logits + self.frame_bias + states @ self.context_kernel
        return np.asarray((weights * said).sum(axis=0) + self.context_bias, np.float32)

    def _back(self, ahead: ForwardPass, behind: ForwardPass, d_states: Floats) -> Floats:
        """d(logit)/d(vectors) through both directions."""
        units = self.forward.units
        forward = self.forward.back(ahead, d_states[:, :units])
        backward = self.backward.back(behind, d_states[::-1, units:])
        return forward + backward[::-1]


def _fed(lstm: Lstm, vectors: Floats, step: int, others: Floats) -> Floats:
    """The input of `Lstm.states`: only the projections are repeated, never the wide vectors."""
    return _replaced(vectors @ lstm.kernel, step, others @ lstm.kernel) + lstm.bias


def _replaced(values: Floats, step: int, others: Floats) -> Floats:
    """`values` (steps, ...) repeated for each of `others` (n, ...), each of which replaces the
    value at `step` in its copy: (steps, n, ...)."""
    repeated = np.repeat(values[:, None], len(others), axis=1)
    repeated[step] = others
    return repeated


def _lstm(arrays: Arrays, name: str) -> Lstm:
    recurrent = _get(arrays, f"{name}/recurrent_kernel", (None, None))
    gates = 4 * recurrent.shape[0]
    if recurrent.shape[1] != gates:
        raise DetectorError(f"head array {name}/recurrent_kernel has shape {recurrent.shape}")
    kernel = _get(arrays, f"{name}/kernel", (None, gates))
    return Lstm(kernel, recurrent, _get(arrays, f"{name}/bias", (gates,)))


def _get(arrays: Arrays, name: str, shape: tuple[int | None, ...]) -> Floats:
    if name not in arrays:
        raise DetectorError(f"the head has no {name}")
    array = np.asarray(arrays[name], np.float32)
    fits = len(shape) == array.ndim and all(
        expected in (None, found) for expected, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise DetectorError(f"head array {name} has shape {array.shape}, expected {shape}")
    return array
