"""`--trials`: tries settings of the head, and keeps those with the best validation.

Keras Tuner chooses what is tried next from the seed and the scores so far. An interrupted search
gets the scores of the finished trials again, so that it makes the same choices, and goes on with
the unfinished trial from that trial's own checkpoint.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...storage.errors import UserError
from ..run.folder import digest_of, write_json
from ..run.recipe import HeadSettings, Recipe
from .learning import FitTask, Learned, learn
from .reporter import ProgressReporter

RESULT_FILE = "trial.json"
OBJECTIVE = "score"


@dataclass(frozen=True, slots=True)
class Search:
    """One search: what is fitted, where, and by which measure it is judged."""

    task: FitTask
    recipe: Recipe
    folder: Path
    measure: str  # of the curves; its best epoch is the trial's score
    reporter: ProgressReporter


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search."""

    settings: HeadSettings
    folder: Path  # of the best trial: the fit goes on from its checkpoint
    trials: list[dict[str, Any]]  # {"settings", "score", "epochs"} in the order of trying


def learn_with_best(
    task: FitTask, recipe: Recipe, folder: Path, measure: str, reporter: ProgressReporter
) -> tuple[Learned, SearchResult]:
    """Search as the recipe says, then fit with the best settings (without a search: the recipe's).

    Args:
        measure: the measure to maximise: `val_auc` or `val_accuracy`.

    Raises `UserError` when there are trials to do but no epochs.
    """
    if recipe.trials and not recipe.epochs:
        raise UserError("--trials needs epochs to try settings with: --epochs 1 or more")
    found = SearchResult(recipe.head, folder, [])
    if recipe.trials:
        found = run_search(Search(task, recipe, folder / "trials", measure, reporter))
    learned = learn(
        task, found.settings, found.folder, lambda epoch: reporter.epoch(epoch, task.epochs)
    )
    reporter.ended(task.epochs)
    return learned, found


def run_search(search: Search) -> SearchResult:
    """Try `recipe.trials` settings, or fewer if there are not so many different ones."""
    import keras_tuner
    from keras_tuner.errors import FatalError

    class Tuner(keras_tuner.Tuner):  # type: ignore[misc]
        """Keras Tuner's search, in which each trial is one `learn`."""

        def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
            try:
                score = _try(search, trial.trial_id, trial.hyperparameters.values)
            except Exception as error:  # else it would count as a failed trial and be skipped
                raise FatalError(str(error)) from error
            return {OBJECTIVE: score}

    search.folder.mkdir(parents=True, exist_ok=True)
    tuner = Tuner(
        _oracle(search.recipe), directory=search.folder, project_name="tuner", overwrite=True
    )
    search.reporter.trials(0, search.recipe.trials)
    try:
        tuner.search(verbose=0)
    except FatalError as fatal:
        raise fatal.__cause__ or fatal from None
    return _found(search, list(tuner.oracle.trials))


def _try(search: Search, trial: str, values: dict[str, Any]) -> float:
    """Do one trial, unless it was finished before; return its score."""
    folder, settings = search.folder / trial, _settings(search.recipe, values)
    until = values.get("tuner/epochs", search.task.epochs)
    attempt = {"settings": settings.model_dump(), "epochs": until}
    belongs_to = digest_of({"task": _describe(search), **attempt})
    result = _read(folder / RESULT_FILE)
    if result.get("belongs_to") != belongs_to:
        earlier = values.get("tuner/trial_id")
        if earlier is not None and not folder.exists():
            _copy(search.folder / earlier, folder)
        learned = learn(
            search.task,
            settings,
            folder,
            lambda epoch: search.reporter.note(f"trial {trial} epoch {epoch}"),
            until,
        )
        score = max(float(curve[search.measure] or 0.0) for curve in learned.curves)
        result = {**attempt, "score": score, "belongs_to": belongs_to}
        write_json(folder / RESULT_FILE, result)
        search.reporter.note(f"trial {trial}")
    search.reporter.trials(int(trial) + 1, search.recipe.trials)
    return float(result["score"])


def _found(search: Search, trials: list[str]) -> SearchResult:
    results = {trial: _read(search.folder / trial / RESULT_FILE) for trial in sorted(trials)}
    best = max(results, key=lambda trial: (results[trial]["score"], results[trial]["epochs"]))
    return SearchResult(
        HeadSettings.model_validate(results[best]["settings"]),
        search.folder / best,
        [
            {key: result[key] for key in ("settings", "score", "epochs")}
            for result in results.values()
        ],
    )


def _oracle(recipe: Recipe) -> Any:
    import keras_tuner

    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "seed": recipe.seed + 1,  # it treats 0 as no seed
        "hyperparameters": _space(),
    }
    if recipe.tuner == "random":
        return keras_tuner.oracles.RandomSearchOracle(max_trials=recipe.trials, **common)
    oracle = keras_tuner.oracles.HyperbandOracle(
        max_epochs=recipe.epochs, hyperband_iterations=None, **common
    )
    oracle.max_trials = recipe.trials
    return oracle


def _space() -> Any:
    import keras_tuner

    space = keras_tuner.HyperParameters()
    space.Choice("units", [16, 32, 64, 128])
    space.Choice("attention_units", [16, 32, 64])
    space.Float("dropout", 0.0, 0.7, step=0.1)
    space.Float("decay", 1e-6, 1e-2, sampling="log")
    space.Float("rate", 1e-4, 5e-3, sampling="log")
    space.Choice("batch", [32, 64, 128, 256])
    return space


def _settings(recipe: Recipe, values: dict[str, Any]) -> HeadSettings:
    tried = {name: value for name, value in values.items() if name in HeadSettings.model_fields}
    return recipe.head.model_copy(update=tried)


def _describe(search: Search) -> list[Any]:
    task = search.task
    return [task.data, task.epochs, task.patience, task.seed, search.measure]


def _copy(earlier: Path, folder: Path) -> None:
    """Copy an earlier trial's checkpoint to go on from; the original stays as it is."""
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(earlier, beside, ignore=shutil.ignore_patterns(RESULT_FILE))
    beside.rename(folder)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}
