"""A run's folder: what was asked for, what is finished, and where everything is."""

import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...storage.detector_record import NAME_PATTERN
from ...storage.errors import UserError
from ...storage.locks import lock
from .journal import Journal
from .recipe import Recipe, make_recipe

RUN_FILE = "run.json"
STEPS_FILE = "steps.json"
NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Run:
    """One training run. Making the object touches nothing on disk."""

    folder: Path
    name: str  # of the run and of the detector it makes
    dataset: Path
    recipe: Recipe

    @property
    def index(self) -> Path:
        return self.folder / "index.csv"

    @property
    def findings(self) -> Path:
        return self.folder / "findings.json"

    @property
    def root_file(self) -> Path:
        """Says where the data are, on this machine only: so it is not part of the findings."""
        return self.folder / "root.json"

    @property
    def frames(self) -> Path:
        return self.folder / "frames"

    @property
    def features(self) -> Path:
        return self.folder / "features"

    @property
    def fit(self) -> Path:
        return self.folder / "fit"

    @property
    def finetuned(self) -> Path:
        return self.folder / "finetuned"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def journal(self) -> Journal:
        return Journal(self.folder / "journal.jsonl")

    def save(self) -> None:
        """Write what was asked for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {
            "name": self.name,
            "dataset": str(self.dataset),
            "recipe": self.recipe.model_dump(mode="json"),
        }
        write_json(self.folder / RUN_FILE, record)

    def finished(self) -> dict[str, str]:
        """The finished steps, each with a digest of what it was made from."""
        path = self.folder / STEPS_FILE
        return json.loads(path.read_bytes()) if path.is_file() else {}

    def finish(self, step: str, digest: str) -> None:
        """Record that a step is done."""
        write_json(self.folder / STEPS_FILE, self.finished() | {step: digest})

    def with_changes(self, file: Path | None, flags: dict[str, Any]) -> "Run":
        """The same run with other settings; steps that depend on them will be done again."""
        if not file and not flags:
            return self
        run = replace(self, recipe=_anchored(make_recipe(file, flags, self.recipe.model_dump())))
        run.save()
        return run

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the run for this process. Raises `UserError` when another process holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not lock(descriptor):
                raise UserError(f"another ddaemon is at work on {self.folder}; let it end first")
            yield
        finally:
            os.close(descriptor)


def begin_run(
    runs: Path,
    dataset: Path,
    recipe: Recipe,
    out: Path | None,
    name: str | None,
    taken: Collection[str],
) -> Run:
    """A new run's folder. Raises `UserError` when there is such a run already, or when the name
    of its detector is `taken`."""
    usual = name_run(dataset, recipe, time.time())
    folder = (out or runs / usual).absolute()
    if (folder / RUN_FILE).is_file():
        raise UserError(
            f"{folder} holds a run; go on with it by --resume, or choose another folder by --out"
        )
    run = Run(folder, name or usual, dataset.absolute(), _anchored(recipe))
    _require_name(run.name, taken)
    run.save()
    return run


def _anchored(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, so that it holds wherever the next command is run."""
    weights = recipe.weights and str(Path(recipe.weights).expanduser().absolute())
    return recipe.model_copy(update={"weights": weights})


def resume_run(runs: Path, dataset: Path | None, out: Path | None, name: str | None) -> Run:
    """The run in `out`, or the latest one of a data set. Raises `UserError` without one, or when
    its detector has another `name`."""
    run = open_run(out.absolute()) if out else latest_run(runs, dataset)
    if dataset is not None and run.dataset != dataset.absolute():
        raise UserError(f"{out} is a run on {run.dataset}, not on {dataset}")
    if name is not None and run.name != name:
        raise UserError(
            f"the detector of {run.folder} is called {run.name}, not {name}; leave --name out, "
            "or begin another run"
        )
    return run


def _require_name(name: str, taken: Collection[str]) -> None:
    if not re.fullmatch(NAME_PATTERN, name):
        raise UserError(
            f"a detector can't be called {name!r}: use up to 64 of a-z, 0-9, dot, dash and "
            "underscore, the first a letter or digit"
        )
    if name in taken:
        raise UserError(f"there is a detector {name} already; choose another --name")


def open_run(folder: Path) -> Run:
    """Read a run's folder. Raises `UserError` when it is not one."""
    try:
        record = json.loads((folder / RUN_FILE).read_bytes())
        recipe = Recipe.model_validate(record["recipe"])
        return Run(folder, record["name"], Path(record["dataset"]), recipe)
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} is not a run; `ddaemon train index DATASET --out {folder}` begins one"
        ) from error
    except (ValueError, KeyError, ValidationError) as error:
        raise UserError(f"{folder / RUN_FILE} is not understood: {error}") from error


def latest_run(runs: Path, dataset: Path | None) -> Run:
    """The latest run (of a data set) below `runs`. Raises `UserError` when there is none."""
    folders = sorted(path.parent for path in runs.glob(f"*/{RUN_FILE}"))
    for folder in reversed(folders):
        run = open_run(folder)
        if dataset is None or run.dataset == dataset.absolute():
            return run
    what = f" of {dataset}" if dataset else ""
    raise UserError(f"there is no run{what} in {runs} to resume; leave --resume out to begin one")


def name_run(dataset: Path, recipe: Recipe, now: float) -> str:
    """A name such as `20260504-030201-celeb-df-seed`, which sorts by time."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    plain = re.sub(r"[^a-z0-9]+", "-", dataset.absolute().stem.lower()).strip("-")
    seed = "-seed" if recipe.protocol == "seed" else ""
    return f"{moment}-{plain[:NAME_LENGTH] or 'data'}{seed}"


def digest_of(values: Mapping[str, Any]) -> str:
    """A digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]


def write_json(path: Path, record: Any) -> None:
    """Write JSON as a whole or not at all. Raises ValueError for a number that is not finite."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(path)
