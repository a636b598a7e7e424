"""Whether a heatmap is right about the verdict: deletion and insertion against random orders.

Deletion and insertion (Petsiuk et al. 2018, RISE, arXiv:1806.07421): blur the face cell by cell,
the hottest first, and watch the probability of fake fall; or show a blurred face cell by cell and
watch it rise. The area under either curve, over the share of cells from 0 to 1, is the score: low
is good for deletion, high for insertion. What is judged is the person's whole sequence with this
frame's vector exchanged, through backbone, head and calibration, as for the verdict itself.

An area alone says nothing (with many frames one face moves the verdict little), so it is compared
with those of random orders of the same cells. One random order serves both ways: read backwards
it is an insertion in the reversed order, which is as random. So the random areas of deletion and
insertion have one distribution, and the same numbers are reported for both.

The rule: a map is better than chance when its deletion is below, and its insertion above, that of
every random order. A random map passes with a chance of at most 1 / (`ORDERS` + 1); half of that
when the cells' effects add up, because deletion and insertion then agree. What blurring
does by itself (seams, lost detail) raises or lowers both areas of the random orders together, so
it can help a map in one of the two and not in both.

Orders are tried one after the other, up to the first that does as well as the map: further ones
could not change the answer (Besag and Clifford 1991, Sequential Monte Carlo p-values,
Biometrika 78). A map that failed therefore has fewer random areas, the last of them that order's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...record.schema import FaithfulnessPart
from ..media.video import Image
from .activation import Heat
from .blurring import Cells, ScoreFunction, blend_cells, blur_face

STEPS = 8  # from the whole face to the blurred one
ORDERS = 9  # random ones
FIGURES = 6  # decimals of what is published


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Areas under the curves, 0..1."""

    deletion: float
    insertion: float
    random: tuple[float, ...]  # of each random order that was tried

    @property
    def better_than_chance(self) -> bool:
        """The module's rule."""
        return all(self.deletion < area < self.insertion for area in self.random)

    @property
    def chance(self) -> str:
        """The areas that the random orders reached, as text."""
        low, high = f"{min(self.random):.4f}", f"{max(self.random):.4f}"
        return low if low == high else f"{low} to {high}"


def check_heats(
    heats: Sequence[Heat], crop: Image, judge: ScoreFunction, random: np.random.Generator
) -> list[Faithfulness | None]:
    """Check maps of one face, each of the same grid, against the same random orders.

    None for a map without heat or of a single cell, which has no order to be checked.
    """
    rows, columns = heats[0].shape
    if rows * columns < 2 or not any(heat.any() for heat in heats):
        return [None] * len(heats)
    draws = [random.permutation(rows * columns) for _ in range(ORDERS)]
    ties = random.permutation(rows * columns)  # the same for all maps: none depends on another
    ranks = [hottest_first(heat, ties) for heat in heats]
    curves = Curves(crop, (rows, columns), judge)
    own = zip(heats, curves.areas(ranks), curves.areas([r[::-1] for r in ranks]), strict=True)
    found = [
        Faithfulness(float(out), float(back), ()) if heat.any() else None for heat, out, back in own
    ]
    for draw in draws:
        ahead = [one is not None and one.better_than_chance for one in found]
        if not any(ahead):
            break
        area = float(curves.areas([draw])[0])
        found = [
            replace(one, random=(*one.random, area)) if one and stays else one
            for one, stays in zip(found, ahead, strict=True)
        ]
    return found


def hottest_first(heat: Heat, ties: Cells) -> Cells:
    """The cells in order of heat. The order of equally hot cells (all that the map leaves cold) is
    not the map's: `ties`, a random permutation, decides."""
    return np.lexsort((ties, -heat.ravel()))


class Curves:
    """Deletion curves of one face `crop` (size, size, 3) over the cells of `grid` (rows, columns).

    Insertion in an order is deletion in the reverse one, read backwards: its area is the same.
    """

    def __init__(self, crop: Image, grid: tuple[int, int], judge: ScoreFunction) -> None:
        self._crop, self._blurred = crop, blur_face(crop)
        self._grid, self._judge = grid, judge
        steps = min(STEPS, grid[0] * grid[1])
        parts = np.array_split(np.arange(grid[0] * grid[1]), steps)
        self._ends = np.cumsum([len(part) for part in parts])  # cells blurred after each step
        self._whole, self._gone = judge(np.stack([crop, self._blurred])).tolist()

    def areas(self, orders: Sequence[Cells]) -> NDArray[np.float64]:
        """The area under each order's curve (orders,), 0..1."""
        between = [
            blend_cells(self._crop, self._blurred, order[:end], self._grid)
            for order in orders
            for end in self._ends[:-1]
        ]
        middle = self._judge(np.stack(between)).reshape(len(orders), len(self._ends) - 1)
        first, last = (np.full((len(orders), 1), one) for one in (self._whole, self._gone))
        curves = np.hstack([first, middle, last])
        shares = np.append(0, self._ends) / self._ends[-1]
        return np.asarray(np.trapezoid(curves, shares, axis=1))


def as_record(found: Faithfulness | None) -> FaithfulnessPart | None:
    """As `verdict.json` has it."""
    if found is None:
        return None
    chance = round(float(np.mean(found.random)), FIGURES)
    return {
        "deletion": round(found.deletion, FIGURES),
        "insertion": round(found.insertion, FIGURES),
        "random_deletion": chance,
        "random_insertion": chance,
        "better_than_chance": found.better_than_chance,
        "text": describe(found),
    }


def describe(found: Faithfulness) -> str:
    """The result in words."""
    tried = len(found.random)
    figures = (
        f"deletion {found.deletion:.4f}, insertion {found.insertion:.4f}, "
        f"{tried} random order{'s' * (tried > 1)} {found.chance}"
    )
    if found.better_than_chance:
        return (
            "Better than chance: blurring the hottest cells first lowers this person's probability "
            "of fake sooner, and showing them first raises it sooner, than any random order of the "
            f"same cells ({figures})."
        )
    return (
        "No better than chance: in deletion or insertion a random order of the same cells does at "
        f"least as well as the hottest first ({figures}). Do not take this map for evidence of "
        "where."
    )
