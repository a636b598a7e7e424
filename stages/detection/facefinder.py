"""Where the faces in a frame are: CenterFace (Xu et al. 2019, arXiv:1911.03599) in OpenVINO."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

from ..media.video import Image
from ..networks.compiling import compile_on_cpu
from ..shipped import verified_file

STRIDE = 4  # pixels of the input to one cell of the outputs
MULTIPLE = 32  # the network wants sides that this divides
MAX_OVERLAP = 0.3  # intersection over union from which two boxes are one face
SQUARE_ENOUGH = 1.2  # aspect ratio up to which a frame is seen as a square
SHORT_SIDE = 9 / 16  # of the long side, in the landscape and portrait shapes
HEATMAP, SCALE, OFFSET = "537", "538", "539"  # the outputs' names in the file


@dataclass(frozen=True, slots=True)
class Detection:
    """One face: left, top, width and height in pixels of the frame, and confidence 0..1."""

    x: float
    y: float
    width: float
    height: float
    confidence: float


class FaceFinder:
    """Finds faces in frames of any size.

    Args:
        size: longer side in pixels of what the network sees (rounded up to a multiple of 32).
        threads: of the network; 0 lets OpenVINO decide.
    """

    def __init__(self, size: int, threads: int) -> None:
        self._size, self._threads = size, threads

    def find(self, image: Image, min_confidence: float) -> list[Detection]:
        """Faces in an RGB frame (height, width, 3), the most certain first.

        Raises `DetectorError` when the shipped network is missing or altered.
        """
        height, width = self._input_shape(*image.shape[:2])
        scale = min(height / image.shape[0], width / image.shape[1])
        heatmap, size, offset = _run(_letterbox(image, scale, height, width), self._threads)
        boxes, confidence = _decode(heatmap, size, offset, min_confidence)
        boxes /= scale
        kept = _suppress(boxes, confidence)
        return [_detection(boxes[i], confidence[i]) for i in kept]

    def _input_shape(self, height: int, width: int) -> tuple[int, int]:
        """One of three shapes, so that few networks are compiled: (height, width)."""
        long = _round_up(self._size)
        short = _round_up(self._size * SHORT_SIDE)
        if max(height, width) <= SQUARE_ENOUGH * min(height, width):
            return long, long
        return (short, long) if width > height else (long, short)


def _detection(box: NDArray[np.float32], confidence: np.float32) -> Detection:
    x, y, width, height = box.tolist()
    return Detection(x, y, width, height, float(confidence))


def _round_up(pixels: float) -> int:
    return int(np.ceil(pixels / MULTIPLE)) * MULTIPLE


def _letterbox(image: Image, scale: float, height: int, width: int) -> Image:
    """The frame in the upper left corner of a black (height, width, 3)."""
    size = (min(width, round(image.shape[1] * scale)), min(height, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=method)
    return canvas


@cache
def _network(height: int, width: int, threads: int) -> Any:
    network = ov.Core().read_model(verified_file("centerface.onnx"))
    # One frame at a time: measured, a batch of them does not fit into the core's cache.
    network.reshape([1, 3, height, width])
    used = [network.output(name).node for name in (HEATMAP, SCALE, OFFSET)]
    return compile_on_cpu(_from_pixels(ov.Model(used, network.get_parameters())), threads)


def _from_pixels(network: ov.Model) -> ov.Model:
    """The network, changed to take uint8 pixels, channels last."""
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    return steps.build()


def _run(seen: Image, threads: int) -> tuple[NDArray[np.float32], ...]:
    outputs = _network(*seen.shape[:2], threads)(seen[None])
    return tuple(outputs[name][0] for name in (HEATMAP, SCALE, OFFSET))


def _decode(
    heatmap: NDArray[np.float32],
    size: NDArray[np.float32],
    offset: NDArray[np.float32],
    min_confidence: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (n, 4: left, top, width, height in input pixels) and confidences (n,).

    `heatmap` (1, rows, columns) holds confidences of a face's centre; `size` and `offset`
    (2, rows, columns) hold y before x: the logarithm of the side and the centre's shift, in cells.
    """
    rows, columns = np.nonzero(heatmap[0] >= min_confidence)
    height, width = np.exp(size[:, rows, columns]) * STRIDE
    y, x = (offset[:, rows, columns] + np.stack([rows, columns]) + 0.5) * STRIDE
    boxes = np.stack([x - width / 2, y - height / 2, width, height], axis=1)
    return boxes.astype(np.float32), heatmap[0, rows, columns]


def _suppress(boxes: NDArray[np.float32], confidence: NDArray[np.float32]) -> list[int]:
    """Indices of the boxes that stay, the most certain first: of two that overlap, one."""
    kept: list[int] = []
    for i in np.argsort(-confidence, kind="stable"):
        if all(overlap(boxes[i], boxes[j]) < MAX_OVERLAP for j in kept):
            kept.append(int(i))
    return kept


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    corner = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    sides = np.maximum(corner - np.maximum(one[:2], other[:2]), 0)
    shared = float(sides[0] * sides[1])
    return shared / (float(one[2] * one[3] + other[2] * other[3]) - shared + 1e-9)
