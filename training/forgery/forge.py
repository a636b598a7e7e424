"""Forgeries made from real pictures alone.

Self-blended images (Shiohara & Yamasaki, CVPR 2022): a face is blended with a slightly altered copy
of itself. Cross-identity ones (Li et al., "Face X-ray", CVPR 2020): with the face of somebody else
in a similar pose. They show the traces that all face swaps share (a seam, statistics that differ
inside and outside) and none that are peculiar to a method.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...stages.media.video import Image
from ..array_types import Floats32

CANVAS = 128  # pixels: the square in which masks are drawn, whatever the face's size
MARGIN = 1.5  # side of that square in larger sides of the landmarks' hull
GRID = 6  # nodes of the elastic field along each side
ELASTIC = 0.03  # standard deviation of a node, in sides of the square
EDGE = (0.02, 0.06)  # standard deviation of the soft edge, in sides of the square
HULL = (0.85, 1.05)  # size of the mask's hull, relative to the landmarks' hull
RATIOS = (0.5, 0.75, 1.0, 1.0, 1.0)  # how much of the altered face is laid over the other
COLOUR = 15.0  # greatest shift of a channel, in 255ths
LIGHT = 0.12  # greatest change of brightness and of contrast
SATURATION = 0.3  # greatest change
SHARPEN = (0.3, 0.9)  # weight of the unsharp mask
SHRINK = (0.25, 0.7)  # scale to which a side is reduced before it is enlarged again
MOVE = 0.03  # greatest shift, in sides of the square
ZOOM = 0.05
TURN = 3.0  # degrees
HALF = 0.5  # of the mask: what counts as the face
SPREAD = 1.5  # greatest factor by which a channel's spread is widened


@dataclass(frozen=True, slots=True)
class ForgeryRecipe:
    """All that is random in one forgery; a clip keeps one recipe from frame to frame."""

    hull: float
    field: Floats32  # (GRID, GRID, 2): shifts in sides of the square
    edge: float
    ratio: float
    alters_face: bool  # else it is the surroundings that are altered
    colour: Floats32  # (3,)
    brightness: float
    contrast: float
    saturation: float
    sharpen: float  # 0: not at all
    shrink: float  # 1: not at all
    move: tuple[float, float]
    zoom: float
    turn: float


def draw_recipe(rng: np.random.Generator) -> ForgeryRecipe:
    """Draw a forgery's parameters; the same state of `rng` gives the same recipe."""
    blurs = bool(rng.random() < 0.5)
    return ForgeryRecipe(
        hull=float(rng.uniform(*HULL)),
        field=rng.normal(0, ELASTIC, (GRID, GRID, 2)).astype(np.float32),
        edge=float(rng.uniform(*EDGE)),
        ratio=float(rng.choice(RATIOS)),
        alters_face=bool(rng.random() < 0.5),
        colour=rng.uniform(-COLOUR, COLOUR, 3).astype(np.float32),
        brightness=float(1 + rng.uniform(-LIGHT, LIGHT)),
        contrast=float(1 + rng.uniform(-LIGHT, LIGHT)),
        saturation=float(1 + rng.uniform(-SATURATION, SATURATION)),
        sharpen=0.0 if blurs else float(rng.uniform(*SHARPEN)),
        shrink=float(rng.uniform(*SHRINK)) if blurs else 1.0,
        move=(float(rng.uniform(-MOVE, MOVE)), float(rng.uniform(-MOVE, MOVE))),
        zoom=float(1 + rng.uniform(-ZOOM, ZOOM)),
        turn=float(rng.uniform(-TURN, TURN)),
    )


def forge(image: Image, landmarks: Floats32, rng: np.random.Generator) -> Image:
    """A self-blended copy of a picture of a face.

    Args:
        image: RGB, uint8 (height, width, 3).
        landmarks: (n, 2), x and y in pixels; their convex hull is the face.
        rng: the same state gives the same forgery.
    """
    return blend(image, landmarks, draw_recipe(rng))


def cross(
    image: Image,
    landmarks: Floats32,
    donor: Image,
    donor_landmarks: Floats32,
    rng: np.random.Generator,
) -> Image:
    """A picture with somebody else's face in it, matched in colour to the original face.

    Args:
        image, landmarks, rng: as for `forge`.
        donor, donor_landmarks: the picture that the face comes from, and its landmarks, as many as
            in `landmarks`.
    """
    recipe = draw_recipe(rng)
    size = (image.shape[1], image.shape[0])
    onto = _onto(donor_landmarks, landmarks)
    moved = cv2.warpAffine(donor, onto, size, borderMode=cv2.BORDER_REFLECT_101)
    mask = face_mask(image.shape[:2], landmarks, recipe)
    face = _coloured_as(np.asarray(moved, np.uint8), image, mask)
    return _lay_over(alter(face, recipe) if recipe.alters_face else face, image, mask)


def misfit(landmarks: Floats32, donor_landmarks: Floats32) -> float:
    """How far one face's landmarks are from another's after the best affine fit: the mean distance
    in larger sides of the hull. What remains are differences in pose and expression.
    """
    onto = _onto(donor_landmarks, landmarks)
    laid = donor_landmarks @ onto[:, :2].T + onto[:, 2]
    _, side = _square(landmarks)
    return float(np.linalg.norm(laid - landmarks, axis=1).mean() / side * MARGIN)


def forge_frames(
    frames: Iterable[tuple[Image, Floats32]], rng: np.random.Generator
) -> Iterator[Image]:
    """Forge a clip: every frame (image and landmarks, as for `forge`) by the same recipe."""
    recipe = draw_recipe(rng)
    return (blend(image, landmarks, recipe) for image, landmarks in frames)


def blend(
    image: Image, landmarks: Floats32, recipe: ForgeryRecipe, mask: Floats32 | None = None
) -> Image:
    """Blend a face with its altered copy as `recipe` says; shapes as for `forge`.

    `mask` (height, width), 0..1, replaces `face_mask`: forge there and nowhere else.
    """
    altered = alter(image, recipe)
    face, around = (altered, image) if recipe.alters_face else (image, altered)
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(face, _shift(landmarks, recipe), size, borderMode=cv2.BORDER_REFLECT_101)
    if mask is None:
        mask = face_mask(image.shape[:2], landmarks, recipe)
    return _lay_over(np.asarray(moved, np.uint8), around, recipe.ratio * mask)


def _lay_over(face: Image, around: Image, weight: Floats32) -> Image:
    weight = weight[..., None]
    mixed = weight * face.astype(np.float32) + (1 - weight) * around.astype(np.float32)
    return np.round(mixed).astype(np.uint8)


def _coloured_as(face: Image, model: Image, mask: Floats32) -> Image:
    """`face` with the mean and the spread that each channel of `model` has within the mask
    (Reinhard et al. 2001, in RGB)."""
    within = mask > HALF
    if not within.any():  # the landmarks lie outside the picture: no part of the face is visible
        return face
    ours, theirs = face[within].astype(np.float32), model[within].astype(np.float32)
    factor = np.minimum(theirs.std(axis=0) / (ours.std(axis=0) + 1), SPREAD)
    changed = (face.astype(np.float32) - ours.mean(axis=0)) * factor + theirs.mean(axis=0)
    return np.asarray(np.clip(np.round(changed), 0, 255), np.uint8)


def _onto(landmarks: Floats32, others: Floats32) -> NDArray[np.float64]:
    """The (2, 3) affine matrix that maps landmarks onto others with the least squared error."""
    points = np.column_stack([landmarks, np.ones(len(landmarks))])
    return np.asarray(np.linalg.lstsq(points, others, rcond=None)[0].T, np.float64)


def face_mask(shape: tuple[int, int], landmarks: Floats32, recipe: ForgeryRecipe) -> Floats32:
    """Where the face is, 0..1 (height, width): the hull, elastically deformed, its edge soft."""
    to_canvas = _to_canvas(landmarks)
    points = landmarks @ to_canvas[:, :2].T + to_canvas[:, 2]
    points = CANVAS / 2 + recipe.hull * (points - CANVAS / 2)
    mask = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1.0)
    soft = cv2.GaussianBlur(_deform(mask, recipe.field), (0, 0), recipe.edge * CANVAS)
    back = cv2.invertAffineTransform(to_canvas)
    return np.asarray(cv2.warpAffine(soft, back, shape[::-1]), np.float32)


def alter(image: Image, recipe: ForgeryRecipe) -> Image:
    """Change colours, light and sharpness of a whole picture."""
    changed = image.astype(np.float32)
    grey = changed.mean(axis=2, keepdims=True)
    changed = grey + recipe.saturation * (changed - grey) + recipe.colour
    changed = recipe.brightness * (128 + recipe.contrast * (changed - 128))
    if recipe.sharpen:
        changed += recipe.sharpen * (changed - cv2.GaussianBlur(changed, (0, 0), 1.5))
    if recipe.shrink < 1:
        changed = _coarsen(changed, recipe.shrink)
    return np.asarray(np.clip(np.round(changed), 0, 255), np.uint8)


def _coarsen(image: Floats32, scale: float) -> Floats32:
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _deform(mask: Floats32, field: Floats32) -> Floats32:
    shifts = cv2.resize(field, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC) * CANVAS
    y, x = np.indices((CANVAS, CANVAS), np.float32)
    return np.asarray(
        cv2.remap(mask, x + shifts[..., 0], y + shifts[..., 1], cv2.INTER_LINEAR), np.float32
    )


def _square(landmarks: Floats32) -> tuple[Floats32, float]:
    """Centre (2,) and side of the square around a face, in pixels."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    return (low + high) / 2, MARGIN * max(1.0, float((high - low).max()))


def _to_canvas(landmarks: Floats32) -> NDArray[np.float64]:
    """The (2, 3) matrix from pixels of the picture to those of the canvas."""
    centre, side = _square(landmarks)
    scale = CANVAS / side
    x, y = CANVAS / 2 - scale * centre
    return np.array([[scale, 0, x], [0, scale, y]])


def _shift(landmarks: Floats32, recipe: ForgeryRecipe) -> NDArray[np.float64]:
    """The (2, 3) matrix that moves the face a little within the picture."""
    centre, side = _square(landmarks)
    matrix = cv2.getRotationMatrix2D(centre.tolist(), recipe.turn, recipe.zoom)
    matrix[:, 2] += np.multiply(recipe.move, side)
    return np.asarray(matrix, np.float64)
