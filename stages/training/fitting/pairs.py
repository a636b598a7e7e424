"""What fine-tuning shows its network: fakes beside reals, both degraded alike.

All that is drawn comes from (seed, step), so a broken run goes on as if it had never been broken.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from ...media.base import Image
from ..datasets.media import read_image
from ..datasets.rows import IMAGE, Row
from ..features.crops import forged_image, load_crop
from ..features.plan import Plan
from ..recipe import FinetuneSettings
from ..views import make_views, view_seed

READERS = 2  # threads that make batches while the network learns
CROP_OF_CROP = (0.96, 1.0)  # a video's crops were cut as serving cuts them; stay close to that
BESIDE_OWN = 0.7  # share of the fakes that stand beside their own real; the others beside any

Batch = tuple[Image, NDArray[np.float32]]  # (batch, size, size, 3); (batch, 1): 1 is fake


class Faces:
    """Single face crops of rows, as training sees them: degraded in a way that a seed draws."""

    def __init__(self, root: Path, plan: Plan) -> None:
        self._root, self._plan = root, plan

    def draw(self, row: Row, seed: int, blend: int = 0) -> Image:
        """One face of a row, (size, size, 3), self-blended by the seed `blend` unless that is 0.

        Two rows with the same `seed` are degraded alike.
        """
        size = self._plan.preprocessing.size
        if row.kind == IMAGE:
            image = read_image(self._root, row.path)
            image = forged_image(image, row.forge or blend)
            return np.asarray(make_views(image, 1, size, seed)[0])
        place = np.random.default_rng(seed).random()
        crop = forged_image(load_crop(self._plan.crops_file(row), place), blend)
        return np.asarray(make_views(crop, 1, size, seed, CROP_OF_CROP)[0])

    def usable(self, row: Row) -> bool:
        """Whether there is a face to be drawn."""
        return row.kind == IMAGE or self._plan.crops_file(row).is_file()


def batches(
    rows: Sequence[Row], faces: Faces, settings: FinetuneSettings, seed: int, first: int
) -> Iterator[Batch]:
    """Endless batches from the step `first` on: half fakes, each beside a real, degraded alike.

    Most fakes stand beside their own real, if it is known; so what tells the two apart is neither
    the person nor the camera nor the compression. A share of them is blended from that real.
    """
    half = settings.batch // 2
    fakes = [row for row in rows if row.fake]
    others = [row for row in rows if not row.fake]
    # A data set names a fake's real by its path or, as dfdc-faces does, by its bare name.
    reals = {name: row for row in others for name in (row.path, PurePath(row.path).stem)}

    def make(step: int) -> Batch:
        random = np.random.default_rng((seed, step))
        pairs = [draw_pair(random, fakes, others, reals, settings.blended) for _ in range(half)]
        looks = [seed_of(seed, "batch", step, place) for place in range(half)]
        together = list(zip(pairs, looks, strict=True))
        pixels = [faces.draw(fake, look, blend) for (fake, _, blend), look in together]
        pixels += [faces.draw(real, look) for (_, real, _), look in together]
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
    blended: float,
) -> tuple[Row, Row, int]:
    """What the fake is made from, the real beside it, and the seed of a self-blending or 0."""
    some = others[int(random.integers(len(others)))]
    if random.random() < blended:
        return some, some, int(random.integers(1, 2**31))
    fake = fakes[int(random.integers(len(fakes)))]
    own = reals.get(fake.pair) if random.random() < BESIDE_OWN else None
    return fake, own or some, 0


def seed_of(*parts: int | str) -> int:
    """A seed of these words alone."""
    return view_seed("/".join(map(str, parts)), 0)
