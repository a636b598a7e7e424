"""The run context: what every step of a run has access to."""

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
# Settings that only the detector's record shows.
WORDS = {"description", "learned_from", "licence", "blind_to"}
TABLES = {"head", "finetuning", "averaged"}  # of a recipe's file, without an option


@dataclass(frozen=True)
class RunContext:
    """One run, and what it needs from outside its folder."""

    run: Run
    registry: Registry  # of the detectors that a run may start from
    detectors_folder: Path  # where the detector's folder goes
    cache: Path
    progress: ProgressCallback
    announce: Callable[[str], None]
    requested_workers: int | None

    @property
    def recipe(self) -> Recipe:
        return self.run.recipe

    @property
    def workers(self) -> int:
        """The number of processes that read videos."""
        return self.requested_workers or os.cpu_count() or 1

    @cached_property
    def rows(self) -> list[Row]:
        """The index, as it was written."""
        return read_index(self.run.index)

    @cached_property
    def found(self) -> dict[str, Any]:
        """The findings about the data set."""
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
        """The command that made the run, without this machine's folders."""
        changed = self.recipe.model_dump(mode="json", exclude_defaults=True)
        stated = {name: value for name, value in changed.items() if name not in WORDS}
        options = [_option(name, value) for name, value in stated.items() if name not in TABLES]
        file = ["--recipe FILE"] if stated.keys() & TABLES else []
        return " ".join(["ddaemon train", self.run.dataset.name, *options, *file])

    @property
    def recipe_for_report(self) -> dict[str, Any]:
        """The recipe for the report, without this machine's folders."""
        return self.recipe.model_dump(mode="json") | {"weights": Path(self.recipe.weights).name}

    @cached_property
    def named_weights(self) -> InitialWeights:
        """The backbone that the recipe names, with its weights."""
        return find_initial_weights(self.recipe, self.registry)

    @cached_property
    def initial_weights(self) -> InitialWeights:
        """The weights that the features are computed with: the named ones, fine-tuned if asked."""
        if not self.recipe.finetune:
            return self.named_weights
        return trained_initial_weights(self.run.finetuned, self.named_weights)

    @cached_property
    def plan(self) -> Plan:
        """How videos become vectors."""
        return self.plan_of(self.initial_weights)

    def plan_of(self, initial_weights: InitialWeights) -> Plan:
        """The plan with this backbone, which is saved for the worker processes."""
        digest = initial_weights.digest
        folder = self.cache / "backbones" / digest[:16]
        save_initial_weights(initial_weights, folder)
        return make_plan(
            folder, digest, initial_weights.preprocessing, self.recipe.frames, self.cache
        )

    def job(self, plan: Plan) -> Job:
        """The job of computing vectors with this plan for the rows of this run."""
        frames = self.run.frames if self.recipe.keep_frames else None
        return Job(self.root, plan, self.workers, self.recipe.finetune, frames)

    def save_collected(self, collected: Collected) -> None:
        """Save what belongs to the gathered vectors."""
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
        """The vectors of the rows that could be read."""
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
        """The head's input: the sequence, or its mean as one step (as in the seed system)."""
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
