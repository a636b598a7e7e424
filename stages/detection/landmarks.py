"""468 points of a face: MediaPipe Face Mesh (Kartynnik et al. 2019, arXiv:1907.06724)."""

from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from ..media.video import Image
from ..networks.compiling import compile_on_cpu
from ..shipped import verified_file

INPUT_SIDE = 192  # pixels
POINTS = 468
MARGIN = 1.5  # side of the input square, relative to the larger side of the face's box
POINTS_OUTPUT, PRESENCE_OUTPUT = "conv2d_20", "conv2d_30"


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Points (468, 2) as x, y in pixels of the frame; presence: how surely it is a face, 0..1."""

    points: NDArray[np.float32]
    presence: float


class LandmarkFinder:
    """Finds the landmarks of a face whose box is known.

    Args:
        threads: of the network; 0 lets OpenVINO decide.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def find(self, image: Image, box: tuple[float, float, float, float]) -> Landmarks:
        """The landmarks of the face in `box` (left, top, width, height in pixels of the frame).

        `image` is RGB (height, width, 3). Points may lie outside of it.
        Raises `DetectorError` when the shipped network is missing or altered.
        """
        x, y, width, height = box
        side = MARGIN * max(width, height)
        to_input = _square_to_input(x + width / 2, y + height / 2, side)
        seen = cv2.warpAffine(image, to_input, (INPUT_SIDE, INPUT_SIDE), flags=cv2.INTER_LINEAR)
        points, presence = _run(np.asarray(seen, np.uint8), self._threads)
        return Landmarks(_to_frame(points, to_input), presence)


def _square_to_input(x: float, y: float, side: float) -> NDArray[np.float64]:
    """The (2, 3) matrix that maps the square around (x, y) onto the network's input."""
    scale = INPUT_SIDE / side
    return np.array(
        [[scale, 0, INPUT_SIDE / 2 - scale * x], [0, scale, INPUT_SIDE / 2 - scale * y]]
    )


def _to_frame(points: NDArray[np.float32], to_input: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray((points - to_input[:, 2]) / to_input[0, 0], np.float32)


_ONE_AT_A_TIME = Lock()


@cache
def _network(threads: int) -> Any:
    network = ov.Core().read_model(verified_file("face_landmark.tflite"))
    return compile_on_cpu(network, threads)


def _run(seen: Image, threads: int) -> tuple[NDArray[np.float32], float]:
    # Training finds landmarks from several threads at once. With two of them in OpenVINO while
    # TensorFlow traced its graph, all three sometimes deadlocked.
    with _ONE_AT_A_TIME:
        outputs = _network(threads)(seen[None].astype(np.float32) / 255)
    points: NDArray[np.float32] = outputs[POINTS_OUTPUT].reshape(POINTS, 3)[:, :2]
    logit = float(outputs[PRESENCE_OUTPUT].reshape(-1)[0])
    return points, 1 / (1 + np.exp(-logit))
