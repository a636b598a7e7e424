"""What fine-tuning shows its network: fakes beside reals, both degraded in the same way.

All random numbers come from (seed, step), so an interrupted run goes on as if it had never stopped.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from ...stages.media.video import Image
from ..datasets.media import read_image
from ..datasets.rows import IMAGE, Row
from ..features.crops import forged_image, image_landmarks, load_crop
from ..features.plan import Plan
from ..forgery.forge import cross, misfit
from ..forgery.views import crop_of_image, make_views, view_seed
from ..run.recipe import FinetuneSettings

READERS = 2  # threads that make batches while the network trains
CROP_OF_CROP = (0.96, 1.0)  # a video's crops were cut as serving cuts them; stay close to that
DONORS = 4  # candidates, of whom the one with the most similar pose is taken
BESIDE_OWN = 0.7  # share of the fakes paired with their own real; the rest with any real

PairBatch = tuple[Image, NDArray[np.float32]]  # (batch, size, size, 3); (batch, 1): 1 is fake


@dataclass(frozen=True, slots=True)
class Pair:
    """A fake, and the real it is paired with."""

    fake: Row  # or the real that a fake is made from
    real: Row
    forgery: int = 0  # the seed of the forgery made from `fake`; 0: none is made
    donors: tuple[Row, ...] = ()  # the face comes from one of these; none: from itself


class CropSource:
    """Single face crops of rows for training, degraded in a way that a seed determines."""

    def __init__(self, root: Path, plan: Plan) -> None:
        self._root, self._plan = root, plan

    def draw(self, row: Row, seed: int, forgery: int = 0, donors: Sequence[Row] = ()) -> Image:
        """One face of a row, (size, size, 3), forged by the seed `forgery` unless that is 0.

        With `donors` it gets the face of the one whose landmarks fit best, else an altered copy of
        its own. Two rows with the same `seed` are degraded in the same way.
        """
        face = self._face(row, seed)
        if donors:
            face = self._crossed(face, [self._face(donor, seed) for donor in donors], forgery)
        else:
            face = forged_image(face, forgery)
        seen = self._plan.preprocessing
        crop = crop_of_image(seen.crop.side) if row.kind == IMAGE else CROP_OF_CROP
        return np.asarray(make_views(face, 1, seen.size, seed, crop)[0])

    def _face(self, row: Row, seed: int) -> Image:
        """The face as in the data set: its image, or a crop of its video that the seed chooses."""
        if row.kind == IMAGE:
            return forged_image(read_image(self._root, row.path), row.forge)
        place = np.random.default_rng(seed).random()
        return load_crop(self._plan.crops_file(row), place)

    def _crossed(self, face: Image, donors: Sequence[Image], seed: int) -> Image:
        points = image_landmarks(face).points
        faces = [(donor, image_landmarks(donor).points) for donor in donors]
        donor, landmarks = min(faces, key=lambda one: misfit(points, one[1]))
        return cross(face, points, donor, landmarks, np.random.default_rng(seed))

    def usable(self, row: Row) -> bool:
        """Whether there is a face to be drawn."""
        return row.kind == IMAGE or self._plan.crops_file(row).is_file()


def batches(
    rows: Sequence[Row], faces: CropSource, settings: FinetuneSettings, seed: int, first: int
) -> Iterator[PairBatch]:
    """Endless batches from the step `first` on: half fakes, each beside a real.

    The two of a pair are degraded in the same way. Most fakes are paired with their own real, if it
    is known, so that neither person nor camera nor compression tells the two apart. A share of the
    fakes is made from that real.
    """
    half = settings.batch // 2
    fakes = [row for row in rows if row.fake]
    others = [row for row in rows if not row.fake]
    # A data set names a fake's real by its path or, as dfdc-faces does, by its bare name.
    reals = {name: row for row in others for name in (row.path, PurePath(row.path).stem)}

    def make(step: int) -> PairBatch:
        random = np.random.default_rng((seed, step))
        pairs = [draw_pair(random, fakes, others, reals, settings) for _ in range(half)]
        looks = [seed_of(seed, "batch", step, place) for place in range(half)]
        together = list(zip(pairs, looks, strict=True))
        pixels = [faces.draw(pair.fake, look, pair.forgery, pair.donors) for pair, look in together]
        pixels += [faces.draw(pair.real, look) for pair, look in together]
        return np.stack(pixels), np.repeat([1.0, 0.0], half).astype(np.float32)[:, None]

    with ThreadPoolExecutor(READERS) as readers:
        waiting = deque(readers.submit(make, first + ahead) for ahead in range(2 * READERS))
        for step in count(first + 2 * READERS):
            yield waiting.popleft().result()
            waiting.append(readers.submit(make, step))


def draw_pair(
    random: np.random.Generator,
    fakes: Sequence[Row],
    others: Sequence[Row],
    reals: Mapping[str, Row],
    settings: FinetuneSettings,
) -> Pair:
    """A fake of the data set with a real, or a real with the forgery that is made from it."""
    some = others[int(random.integers(len(others)))]
    if random.random() < settings.blended:
        forgery = int(random.integers(1, 2**31))
        crossed = settings.crossed and random.random() < settings.crossed
        drawn = random.integers(len(others), size=DONORS) if crossed else ()
        donors = tuple(others[int(place)] for place in drawn)
        return Pair(some, some, forgery, donors)
    fake = fakes[int(random.integers(len(fakes)))]
    own = reals.get(fake.pair) if random.random() < BESIDE_OWN else None
    return Pair(fake, own or some)


def seed_of(*parts: int | str) -> int:
    """A seed that depends on these parts alone."""
    return view_seed("/".join(map(str, parts)), 0)
