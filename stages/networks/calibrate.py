"""The calibration that training fits and serving applies: from logits to probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.detector_record import CalibrationRecord
from .lstm import sigmoid


def apply_calibration(
    logits: NDArray[Any], record: CalibrationRecord, frame: bool = False
) -> NDArray[np.float32]:
    """Calibrated probabilities of fake, 0..1, in the shape of `logits`.

    `frame`: whether the logits are of single frames and not of whole sequences.
    """
    if record.kind == "isotonic":
        knots = np.array(record.frame_knots if frame else record.knots)  # (knots, 2)
        return np.asarray(np.interp(logits, knots[:, 0], knots[:, 1]), np.float32)
    slope = record.frame_slope if frame else record.slope
    offset = record.frame_offset if frame else record.offset
    return sigmoid(np.asarray(slope * logits + offset, np.float32))
