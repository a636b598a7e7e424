"""What every step of a run has at hand."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...storage.errors import UserError
from ...storage.registry import Registry
from ..datasets.rows import Row, read_index
from ..features.collect import Collected, Job
from ..features.initial_weights import (
    InitialWeights,
    find_initial_weights,
    save_initial_weights,
    trained_initial_weights,
)
from ..features.plan import Plan, make_plan
from ..features.sequences import Sequences, read_sequences
from ..fitting.data import SplitPart
from ..run.folder import Run, write_json
from ..run.progress_callback import ProgressCallback
from ..run.recipe import Recipe

COLLECTED_FILE, MEASURES_FILE = "collected.json", "measures.npy"
HEAD_FILE, LOGISTIC_FILE, FIT_FILE, SEED_FILE = "head.npz", "logistic.npz", "fit.json", "seed.json"
CALIBRATION_FILE, THRESHOLDS_FILE, SCORES_FILE = "calibration.json", "thresholds.json", "scores.csv"
ENVELOPE_FILE = "envelope.json"
# Of the recipe, what only the record tells.
WORDS = {"description", "learned_from", "licence", "blind_to"}
TABLES = {"head", "finetuning", "averaged"}  # of a recipe's file, that no option has


@dataclass(frozen=True)
class RunContext:
    """One run, and where it finds what is not its own."""

    run: Run
    registry: Registry  # of the detectors that one may start from
    shelf: Path  # where the detector's folder goes
    cache: Path
    progress: ProgressCallback
    say: Callable[[str], None]
    asked_workers: int | None

    @property
    def recipe(self) -> Recipe:
        return self.run.recipe

    @property
    def workers(self) -> int:
        """Processes that look at videos."""
        return self.asked_workers or os.cpu_count() or 1

    @cached_property
    def rows(self) -> list[Row]:
        """The index, as it was written."""
        return read_index(self.run.index)

    @cached_property
    def found(self) -> dict[str, Any]:
        """What was found of the data set."""
        record: dict[str, Any] = json.loads(self.run.findings.read_bytes())
        return record

    @cached_property
    def root(self) -> Path:
        """The folder that the rows' paths are below."""
        return Path(json.loads(self.run.root_file.read_bytes()))

    @property
    def dataset_name(self) -> str:
        """What the data set is called in reports: without this machine's folders."""
        return self.run.dataset.stem

    @property
    def command(self) -> str:
        """What made the run, without this machine's folders."""
        changed = self.recipe.model_dump(mode="json", exclude_defaults=True)
        told = {name: value for name, value in changed.items() if name not in WORDS}
        options = [_option(name, value) for name, value in told.items() if name not in TABLES]
        file = ["--recipe FILE"] if told.keys() & TABLES else []
        return " ".join(["ddaemon train", self.run.dataset.name, *options, *file])

    @property
    def told_recipe(self) -> dict[str, Any]:
        """The recipe for the report, likewise."""
        return self.recipe.model_dump(mode="json") | {"weights": Path(self.recipe.weights).name}

    @cached_property
    def first_start(self) -> InitialWeights:
        """The backbone that the recipe names."""
        return find_initial_weights(self.recipe, self.registry)

    @cached_property
    def start(self) -> InitialWeights:
        """The backbone of this run: the first one, or what fine-tuning made of it."""
        if not self.recipe.finetune:
            return self.first_start
        return trained_initial_weights(self.run.finetuned, self.first_start)

    @cached_property
    def plan(self) -> Plan:
        """How videos become vectors."""
        return self.plan_of(self.start)

    def plan_of(self, start: InitialWeights) -> Plan:
        """The plan with this backbone, which is kept for the worker processes."""
        digest = start.digest
        folder = self.cache / "backbones" / digest[:16]
        save_initial_weights(start, folder)
        return make_plan(folder, digest, start.preprocessing, self.recipe.frames, self.cache)

    def job(self, plan: Plan) -> Job:
        """What is to be done to the rows."""
        frames = self.run.frames if self.recipe.keep_frames else None
        return Job(self.root, plan, self.workers, self.recipe.finetune, frames)

    def save_collected(self, collected: Collected) -> None:
        """Keep what belongs to the gathered vectors."""
        places = {row.name: place for place, row in enumerate(self.rows)}
        record = {
            "rows": [places[row.name] for row in collected.rows],
            "face_px": collected.face_px.tolist(),
            "brightness": collected.brightness.tolist(),
            "left_out": collected.left_out,
        }
        np.save(self.run.features / MEASURES_FILE, collected.measures)
        write_json(self.run.features / COLLECTED_FILE, record)

    @cached_property
    def collected(self) -> Collected:
        """The vectors of the rows that could be looked at."""
        record = json.loads((self.run.features / COLLECTED_FILE).read_bytes())
        return Collected(
            [self.rows[place] for place in record["rows"]],
            read_sequences(self.run.features),
            np.array(record["face_px"], np.float64),
            np.array(record["brightness"], np.float64),
            np.load(self.run.features / MEASURES_FILE),
            record["left_out"],
        )

    @cached_property
    def pooling(self) -> Literal["none", "mean"]:
        """What the head sees: the sequence, or its mean as one step (as the seed system does)."""
        return "mean" if self.recipe.protocol == "seed" else "none"

    @cached_property
    def learned(self) -> Sequences:
        """The sequences that the head learns from."""
        sequences = self.collected.sequences
        return sequences.pooled() if self.pooling == "mean" else sequences

    def places(self, split: str) -> list[int]:
        """The videos of one split, as places in the collected rows."""
        rows = self.collected.rows
        return [place for place, row in enumerate(rows) if row.split == split]

    def part(self, split: str) -> SplitPart:
        """One split's videos, ready for fitting. Raises `UserError` when a label is missing."""
        rows, sequences = self.collected.rows, self.learned
        main, places = sequences.main(), self.places(split)
        fake = np.array([rows[place].fake for place in places], np.bool_)
        if not len(fake) or fake.all() or not fake.any():
            raise UserError(
                f"the {split} part has no {'reals' if len(fake) and fake.all() else 'fakes'} that "
                f"could be looked at ({len(self.collected.left_out)} videos could not); "
                "add videos, or look at left_out in "
                f"{self.run.features / COLLECTED_FILE}"
            )
        return SplitPart(
            sequences, main[places], fake, tuple(rows[place].group for place in places)
        )


def _option(name: str, value: Any) -> str:
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return flag
    return f"{flag} {Path(value).name if name == 'weights' else value}"
