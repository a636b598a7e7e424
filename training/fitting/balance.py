"""Balancing unequal numbers of fakes and reals, in the training part and nowhere else."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.errors import UserError
from ..array_types import Floats32, Labels
from ..run.recipe import Recipe
from .data import Material

NEIGHBOURS = 5
MEMORY = 2.5 * 2**30  # bytes that SMOTE may take
CHUNK_BYTES = 512 << 20  # memory of what one call of SMOTE makes
BYTES_PER_NUMBER = 24  # the most memory that SMOTE takes for one number that it makes


@dataclass(frozen=True, slots=True)
class Balanced:
    """The training part after balancing."""

    material: Material
    sentence: str  # what was done


def balance(material: Material, recipe: Recipe) -> Balanced:
    """Balance as the recipe says. Raises `UserError` when SMOTE can't work on this part."""
    if recipe.balance == "smote":
        return _smote(material, recipe)
    if recipe.balance == "class-weight":
        return _class_weight(material)
    return Balanced(material, "none: every video counts the same")


def _class_weight(material: Material) -> Balanced:
    from sklearn.utils.class_weight import compute_class_weight

    real, fake = compute_class_weight("balanced", classes=np.array([0, 1]), y=material.fake)
    weights = np.where(material.fake, fake, real).astype(np.float32)
    return Balanced(
        material.weighted(weights),
        f"class weights: in the loss a fake counts {fake:.3g} and a real {real:.3g}",
    )


def _smote(material: Material, recipe: Recipe) -> Balanced:
    fakes = int(material.fake.sum())
    label = fakes < len(material) - fakes  # of the minority
    minority, majority = sorted((fakes, len(material) - fakes))
    if minority == majority:
        return Balanced(material, "SMOTE: nothing to do, there are as many fakes as reals")
    steps = int(min(recipe.frames, np.median(material.lengths)))
    _require_memory(minority, majority - minority, steps * material.width)
    made = _synthesise(material, label, majority - minority, steps, recipe.seed)
    kind = "fake" if label else "real"
    return Balanced(
        material.with_made(made, label),
        f"SMOTE: {len(made)} synthetic {kind}s beside {minority}, each interpolated step by step "
        f"between a {kind} and one of its {_neighbours(minority)} nearest {kind}s; distance over "
        f"the flattened sequence, evenly brought to {steps} step{'s' if steps > 1 else ''}",
    )


def _synthesise(
    material: Material, label: bool, count: int, steps: int, seed: int
) -> NDArray[np.float16]:
    """`count` synthetic sequences: (count, steps, width).

    The library gets the minority and one other video, because it requires two labels; and it makes
    some sequences at a time, because it computes in float64.
    """
    minority = np.flatnonzero(material.fake == label)
    other = np.flatnonzero(material.fake != label)[:1]
    rows = material.evenly(np.concatenate([minority, other]), steps)
    flat = material.gather(rows).reshape(len(rows), -1)
    labels = np.arange(len(flat)) < len(minority)
    made = np.empty((count, flat.shape[1]), np.float16)
    size = max(1, CHUNK_BYTES // (BYTES_PER_NUMBER * flat.shape[1]))
    for number, begin in enumerate(range(0, count, size)):
        end = min(count, begin + size)
        wanted = {True: len(minority) + end - begin}
        chunk, _ = smote(flat, labels, wanted, len(minority), seed + number)
        made[begin:end] = chunk[len(flat) :]
    return made.reshape(count, steps, material.width)


def smote(
    vectors: Floats32, labels: Labels, wanted: Any, minority: int, seed: int
) -> tuple[Floats32, Labels]:
    """SMOTE (Chawla et al. 2002, arXiv:1106.1813): `vectors` (n, width), then the synthetic ones.

    Args:
        wanted: imbalanced-learn's `sampling_strategy`.
        minority: videos of the rarer label.

    Raises `UserError` when there is only one of them.
    """
    from imblearn.over_sampling import SMOTE

    sampler = SMOTE(
        sampling_strategy=wanted,
        random_state=seed,
        k_neighbors=_neighbours(minority),
    )
    with warnings.catch_warnings():  # it warns that one label will outnumber the other: intended
        warnings.filterwarnings("ignore", "After over-sampling", UserWarning)
        found, found_labels = sampler.fit_resample(vectors, labels)
    return found, found_labels


def _neighbours(minority: int) -> int:
    if minority < 2:
        raise UserError(
            "SMOTE needs two videos of the rarer label in the training part, there is "
            f"{minority}: add videos, or take --balance class-weight"
        )
    return min(NEIGHBOURS, minority - 1)


def _require_memory(minority: int, made: int, numbers: int) -> None:
    """SMOTE holds the minority three times as float32; its result is kept as float16."""
    needed = numbers * (3 * 4 * minority + 2 * made)
    if needed > MEMORY:
        raise UserError(
            f"SMOTE would need {needed / 2**30:.1f} GiB for sequences of {numbers} numbers, more "
            f"than {MEMORY / 2**30:.1f}: take --balance class-weight or fewer --frames"
        )
