"""Vectors of pseudo-sequences, computed once and kept on disk, so that fitting can start over."""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...storage.detector_record import PreprocessingRecord
from ..media.base import Image
from ..networks.backbone import Backbone
from .faces_dataset import Face, FaceImages
from .views import make_views

CHUNK = 16  # faces between two notes of progress
READERS = 2  # threads that make views while the backbone runs
Features = NDArray[np.float16]  # (faces, views, width)


@dataclass(frozen=True, slots=True)
class CachePlan:
    """What the cached vectors depend on."""

    weights: str  # SHA-256 of the backbone's
    preprocessing: PreprocessingRecord
    views: int
    width: int
    seed: int

    def digest(self, faces: Sequence[Face]) -> str:
        """A name for exactly this content."""
        told = [asdict(self) | {"preprocessing": self.preprocessing.model_dump()}]
        rows = [[face.archive, face.file] for face in faces]
        return hashlib.sha256(json.dumps([told, rows]).encode()).hexdigest()[:16]


def cached_features(
    faces: Sequence[Face],
    images: FaceImages,
    backbone: Backbone,
    plan: CachePlan,
    folder: Path,
    progress: Callable[[int, int], None],
) -> Features:
    """Vectors (faces, views, width) of every face, float16, mapped from a file in `folder`.

    What an earlier, broken run left there is not computed again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = plan.digest(faces)
    path, note = folder / f"{name}.npy", folder / f"{name}.done"
    shape = (len(faces), plan.views, plan.width)
    done = int(note.read_text()) if path.is_file() and note.is_file() else 0
    vectors = np.lib.format.open_memmap(path, "r+" if done else "w+", np.float16, shape)

    def views(start: int) -> Image:
        chunk = faces[start : start + CHUNK]
        return np.concatenate([_views(images, face, plan) for face in chunk])

    starts = range(done, len(faces), CHUNK)
    with ThreadPoolExecutor(READERS) as readers:
        for start, crops in zip(starts, _ahead(readers, views, starts), strict=True):
            computed, _ = backbone.run(crops)
            stop = min(start + CHUNK, len(faces))
            vectors[start:stop] = computed.reshape(-1, plan.views, plan.width)
            vectors.flush()
            note.write_text(str(stop))
            progress(stop, len(faces))
    return vectors


def view_seed(face: Face, seed: int) -> int:
    """A seed of this face alone, so that its views do not depend on its place in the list."""
    text = f"{seed}/{face.archive}/{face.file}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _views(images: FaceImages, face: Face, plan: CachePlan) -> Image:
    size = plan.preprocessing.size
    return make_views(images.read(face), plan.views, size, view_seed(face, plan.seed))


def _ahead(
    readers: ThreadPoolExecutor, work: Callable[[int], Image], starts: Sequence[int]
) -> Iterator[Image]:
    """Results in order, a few in the making at a time: `Executor.map` would make all at once."""
    waiting: deque[Future[Image]] = deque()
    for start in starts:
        waiting.append(readers.submit(work, start))
        if len(waiting) > 2 * READERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
