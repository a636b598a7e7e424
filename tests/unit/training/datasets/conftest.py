"""Tiny data sets, made on the spot."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from ddaemon.training.datasets.index import Index, build_evaluation_index, build_index
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.recipe import make_recipe

MakeImage = Callable[[Path, int], Path]


def picture(seed: int) -> bytes:
    """A PNG of 16 x 17 squares of random colour: no two seeds look alike."""
    squares = np.random.default_rng(seed).integers(0, 256, (16, 17, 3), np.uint8)
    image = cv2.resize(squares, (68, 64), interpolation=cv2.INTER_NEAREST)
    return bytes(cv2.imencode(".png", image)[1])


@pytest.fixture
def make_image() -> MakeImage:
    def make(path: Path, seed: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed))
        return path

    return make


@dataclass
class Desk:
    """Builds indexes and remembers what it was told while it did."""

    folder: Path
    told: list[tuple[str, int, int]] = field(default_factory=list)

    def build(self, dataset: Path, **flags: object) -> Index:
        return build_index(dataset, make_recipe(None, flags), *self._how())

    def build_evaluation(self, dataset: Path, split: str | None = None) -> Index:
        return build_evaluation_index(dataset, 0, *self._how(), split)

    @property
    def cache(self) -> Path:
        return self.folder / "files.jsonl"

    @property
    def journal(self) -> list[str]:
        path = self.folder / "journal.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    def _how(self) -> tuple[Path, Journal, Callable[[str, int, int], None], int]:
        journal = Journal(self.folder / "journal.jsonl")
        return self.cache, journal, lambda *told: self.told.append(told), 1


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "run"
    folder.mkdir()
    return Desk(folder)


@pytest.fixture
def faces(tmp_path: Path, make_image: MakeImage) -> Path:
    """A data set as a table: ten people, one real and one fake image each."""
    lines = ["path,label,group"]
    for person in range(10):
        for label, name in enumerate(("fake", "real")):
            make_image(tmp_path / "data" / f"{name}/{person}.png", 2 * person + label)
            lines.append(f"{name}/{person}.png,{name},{person}")
    (tmp_path / "data" / "clips.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "data"
