"""The pointing game (Zhang et al. 2018, arXiv:1608.00507): is a map's peak within the evidence?

The evidence is known because it was made: one part of a real face is self-blended.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.explanation.activation import Heat, enlarge_heat
from ...stages.media.video import Image
from ..array_types import Floats32
from .forge import blend, draw_recipe, face_mask

GROWN = 1.25  # size of the forged region, relative to its landmarks' hull
WITHIN = 0.5  # of a mask: inside
# Landmarks of MediaPipe's face mesh; left and right are the person's own.
REGIONS = {
    "mouth": (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),
    "nose": (168, 193, 417, 98, 327, 2),
    "left eye": (263, 362, 386, 374, 300, 334, 336, 285),
    "right eye": (33, 133, 159, 145, 70, 105, 107, 55),
}


def forge_region(
    image: Image, landmarks: Floats32, region: str, rng: np.random.Generator
) -> tuple[Image, Floats32]:
    """A self-blended copy whose only forged part is one of `REGIONS`, and the mask of that part
    (height, width), 0..1. Shapes are those of `forge`."""
    recipe = replace(draw_recipe(rng), alters_face=True, ratio=1.0, hull=GROWN)
    mask = face_mask(image.shape[:2], landmarks[list(REGIONS[region])], recipe)
    return blend(image, landmarks, recipe, mask), mask


def peak(heat: Heat, size: int) -> tuple[int, int]:
    """Row and column of a map's hottest pixel when the map is enlarged to (size, size) pixels."""
    full = enlarge_heat(heat, size, size)
    row, column = np.unravel_index(int(full.argmax()), full.shape)
    return int(row), int(column)


def inside(mask: Floats32, slack: int = 0) -> NDArray[np.bool_]:
    """Where the evidence is (height, width), grown by `slack` pixels on every side."""
    region = (mask > WITHIN).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * slack + 1, 2 * slack + 1))
    return np.asarray(cv2.dilate(region, kernel) > 0)
