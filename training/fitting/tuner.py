"""`--trials`: settings of the head are tried, and those with the best validation are kept.

Keras Tuner chooses what is tried next from the seed and from the scores so far. A broken search
is told the finished trials' scores again, which makes it choose the same, and goes on with the
trial it was at from that trial's own checkpoint.
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
    """What is tried, and who is told."""

    task: FitTask
    recipe: Recipe
    folder: Path
    measure: str  # of the curves; its best epoch is the trial's score
    telling: ProgressReporter


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What the search came to."""

    settings: HeadSettings
    folder: Path  # of the best trial: the fit goes on with its checkpoint
    trials: list[dict[str, Any]]  # {"settings", "score", "epochs"} in the order of trying


def learn_with_best(
    task: FitTask, recipe: Recipe, folder: Path, measure: str, telling: ProgressReporter
) -> tuple[Learned, SearchResult]:
    """Search as the recipe says, then fit with what was found (else with the recipe's settings).

    Args:
        measure: what is best: `val_auc` or `val_accuracy`.

    Raises `UserError` when there are trials to do but no epochs.
    """
    if recipe.trials and not recipe.epochs:
        raise UserError("--trials needs epochs to try settings with: --epochs 1 or more")
    found = SearchResult(recipe.head, folder, [])
    if recipe.trials:
        found = run_search(Search(task, recipe, folder / "trials", measure, telling))
    learned = learn(
        task, found.settings, found.folder, lambda epoch: telling.epoch(epoch, task.epochs)
    )
    telling.ended(task.epochs)
    return learned, found


def run_search(search: Search) -> SearchResult:
    """Try `recipe.trials` settings, fewer where there are no more different ones."""
    import keras_tuner
    from keras_tuner.errors import FatalError

    class Tuner(keras_tuner.Tuner):  # type: ignore[misc]
        """Keras Tuner's search, in which a trial is a fit of ours."""

        def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
            try:
                score = _try(search, trial.trial_id, trial.hyperparameters.values)
            except Exception as error:  # else it would count as a bad trial and be passed over
                raise FatalError(str(error)) from error
            return {OBJECTIVE: score}

    search.folder.mkdir(parents=True, exist_ok=True)
    tuner = Tuner(
        _oracle(search.recipe), directory=search.folder, project_name="tuner", overwrite=True
    )
    search.telling.trials(0, search.recipe.trials)
    try:
        tuner.search(verbose=0)
    except FatalError as fatal:
        raise fatal.__cause__ or fatal from None
    return _found(search, list(tuner.oracle.trials))


def _try(search: Search, trial: str, values: dict[str, Any]) -> float:
    """Do one trial, unless it is done."""
    folder, settings = search.folder / trial, _settings(search.recipe, values)
    until = values.get("tuner/epochs", search.task.epochs)
    asked = {"settings": settings.model_dump(), "epochs": until}
    belongs_to = digest_of({"task": _describe(search), **asked})
    result = _read(folder / RESULT_FILE)
    if result.get("belongs_to") != belongs_to:
        earlier = values.get("tuner/trial_id")
        if earlier is not None and not folder.exists():
            _copy(search.folder / earlier, folder)
        learned = learn(
            search.task,
            settings,
            folder,
            lambda epoch: search.telling.note(f"trial {trial} epoch {epoch}"),
            until,
        )
        score = max(float(curve[search.measure] or 0.0) for curve in learned.curves)
        result = {**asked, "score": score, "belongs_to": belongs_to}
        write_json(folder / RESULT_FILE, result)
        search.telling.note(f"trial {trial}")
    search.telling.trials(int(trial) + 1, search.recipe.trials)
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
        "seed": recipe.seed + 1,  # it takes 0 for no seed
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
    """Go on with an earlier trial's checkpoint, which stays as it is."""
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(earlier, beside, ignore=shutil.ignore_patterns(RESULT_FILE))
    beside.rename(folder)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}
