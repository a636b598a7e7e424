"""A face with some of its cells blurred, for occlusion and for checking heatmaps."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..media.video import Image
from .activation import Heat

BLUR = 1 / 10  # of the crop's side: standard deviation of what replaces the face
SEAM = 1 / 8  # of a cell's side: standard deviation of the edge between both

Cells = NDArray[np.int64]  # numbers of cells, row by row
ScoreFunction = Callable[[NDArray[np.uint8]], NDArray[Any]]  # crops (n, size, size, 3) -> (n,) 0..1


def occlusion(crop: Image, grid: tuple[int, int], judge: ScoreFunction) -> Heat:
    """Occlusion (Zeiler and Fergus 2014, arXiv:1311.2901): how far the probability of fake falls
    when a cell of `grid` (rows, columns) is blurred, for each cell; never negative.

    Unlike the class activation maps it runs the whole network, one pass for each cell.
    """
    blurred, cells = blur_face(crop), np.arange(grid[0] * grid[1])
    without = [blend_cells(crop, blurred, cells[[cell]], grid) for cell in cells]
    whole, *rest = judge(np.stack([crop, *without])).tolist()
    return np.asarray(np.maximum(whole - np.reshape(rest, grid), 0), np.float32)


def blur_face(crop: Image) -> Image:
    """The face with only its colours and rough shape left."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), BLUR * crop.shape[0]), np.uint8)


def blend_cells(crop: Image, blurred: Image, cells: Cells, grid: tuple[int, int]) -> Image:
    """`crop` (size, size, 3) with some cells of `grid` (rows, columns) taken from `blurred`."""
    size, mask = crop.shape[0], np.zeros(grid, np.float32)
    mask.flat[cells] = 1
    weight = cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST)
    weight = cv2.GaussianBlur(weight, (0, 0), SEAM * size / max(grid))[..., None]
    mixed = crop + weight * (blurred.astype(np.float32) - crop)
    return np.asarray(np.round(mixed), np.uint8)
