"""A long short-term memory in NumPy, with its gradient (Hochreiter and Schmidhuber 1997, with
the forget gate of Gers et al. 2000; gates in Keras' order: input, forget, cell, output)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ForwardPass:
    """What a pass over a sequence keeps for the backward pass: each (steps, units)."""

    enter: Floats
    forget: Floats
    new: Floats
    leave: Floats
    cells: Floats
    states: Floats


@dataclass(frozen=True, slots=True)
class Lstm:
    """One direction. `kernel` (width, 4 units), `recurrent` (units, 4 units), `bias` (4 units)."""

    kernel: Floats
    recurrent: Floats
    bias: Floats

    @property
    def units(self) -> int:
        return int(self.recurrent.shape[0])

    def run(self, sequence: Floats) -> ForwardPass:
        """Step through a sequence (steps, width) from its beginning."""
        steps, units = len(sequence), self.units
        trace = ForwardPass(*(np.zeros((steps, units), np.float32) for _ in range(6)))
        fed = sequence @ self.kernel + self.bias
        state = cell = np.zeros(units, np.float32)
        for t in range(steps):
            enter, forget, new, leave = self._gates(fed[t], state)
            state, cell = _advance(enter, forget, new, leave, cell)
            trace.enter[t], trace.forget[t], trace.new[t] = enter, forget, new
            trace.leave[t], trace.cells[t], trace.states[t] = leave, cell, state
        return trace

    def states(self, fed: Floats) -> Floats:
        """The states (steps, sequences, units) of many sequences at once, with no backward pass.

        `fed` is (steps, sequences, 4 units): each step's vector times `kernel`, plus `bias`.
        """
        steps, count = fed.shape[:2]
        states = np.zeros((steps, count, self.units), np.float32)
        state = cell = np.zeros((count, self.units), np.float32)
        for t in range(steps):
            state, cell = _advance(*self._gates(fed[t], state), cell)
            states[t] = state
        return states

    def back(self, trace: ForwardPass, gradient: Floats) -> Floats:
        """d(loss)/d(sequence), (steps, width), from `gradient` = d(loss)/d(states)."""
        steps, units = gradient.shape
        fed = np.zeros((steps, 4 * units), np.float32)
        d_state = d_cell = np.zeros(units, np.float32)
        for t in reversed(range(steps)):
            enter, forget, new, leave = (
                trace.enter[t], trace.forget[t], trace.new[t], trace.leave[t],
            )  # fmt: skip
            before = trace.cells[t - 1] if t else np.zeros(units, np.float32)
            squashed = np.tanh(trace.cells[t])
            d_state = d_state + gradient[t]
            d_cell = d_cell + d_state * leave * (1 - squashed**2)
            fed[t] = np.concatenate(
                [
                    d_cell * new * enter * (1 - enter),
                    d_cell * before * forget * (1 - forget),
                    d_cell * enter * (1 - new**2),
                    d_state * squashed * leave * (1 - leave),
                ]
            )
            d_state, d_cell = fed[t] @ self.recurrent.T, d_cell * forget
        return fed @ self.kernel.T

    def _gates(self, fed: Floats, state: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        enter, forget, new, leave = np.split(fed + state @ self.recurrent, 4, axis=-1)
        return sigmoid(enter), sigmoid(forget), np.tanh(new), sigmoid(leave)


def _advance(
    enter: Floats, forget: Floats, new: Floats, leave: Floats, cell: Floats
) -> tuple[Floats, Floats]:
    """The next state and cell."""
    cell = forget * cell + enter * new
    return leave * np.tanh(cell), cell


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), written so that nothing overflows."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), np.float32)
