"""The linear classifier of single frames that the head starts with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.networks.arrays import Arrays
from ..array_types import Floats32, Labels
from ..evaluation.auc import auc
from ..evaluation.bootstrap import draw_groups
from ..evaluation.metrics import compare
from ..run.folder import digest_of
from .data import SplitPart, fingerprint, material_of

STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C: a small one keeps the kernel small
UNTRIED_STRENGTH = 1e-2  # where there are too few groups to try
FOLDS = 5
ITERATIONS = 1000
RESAMPLES = 1000
KEPT_FILE = "frame-start.npz"
OWN, LOGISTIC = "own", "logistic regression"


@dataclass(frozen=True, slots=True)
class FrameClassifier:
    """logit = vector . kernel + bias."""

    kernel: NDArray[np.float32]  # (width, 1)
    bias: NDArray[np.float32]  # (1,)

    def logits(self, vectors: Floats32) -> Floats32:
        """The logits (n,) of vectors (n, width)."""
        return np.asarray(vectors @ self.kernel[:, 0] + self.bias[0], np.float32)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Its arrays, named as in the head."""
        return {"frame/kernel": self.kernel, "frame/bias": self.bias}


def fit_logistic(train: SplitPart, seed: int) -> FrameClassifier:
    """Logistic regression on the mean vector: the baseline that a sequence has to beat.

    Labels are balanced by weights. The strength of its L2 penalty is the one with the best AUC
    on videos of groups that were left out, within the training part.
    """
    means = train.means()
    strength = _best_strength(means, train.fake, train.groups, seed)
    pipeline = _pipeline(strength).fit(means, train.fake)
    scaler, regression = pipeline[0], pipeline[1]
    kernel = regression.coef_[0] / scaler.scale_
    bias = regression.intercept_[0] - kernel @ scaler.mean_
    return FrameClassifier(kernel.astype(np.float32)[:, None], np.array([bias], np.float32))


def kept_logistic(train: SplitPart, seed: int, folder: Path) -> FrameClassifier:
    """`fit_logistic`, but only once for the same data: the result is kept in `folder`."""
    path = folder / KEPT_FILE
    inputs = [fingerprint(material_of(train)), train.groups, seed, STRENGTHS]
    belongs_to = digest_of({"told": inputs})
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["belongs_to"]) == belongs_to:
                return FrameClassifier(stored["kernel"], stored["bias"])
    found = fit_logistic(train, seed)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{KEPT_FILE}"
    np.savez(beside, belongs_to=np.array(belongs_to), kernel=found.kernel, bias=found.bias)
    beside.replace(path)
    return found


def choose_frame_start(
    val: SplitPart, logistic: FrameClassifier, initial: Arrays | None, seed: int
) -> tuple[FrameClassifier, str]:
    """`initial`'s classifier, unless the logistic regression is surely better on validation.

    A backbone that was trained on these very faces fits them too well, and so does a regression on
    its vectors of them, but not the classifier that it was trained with. So the regression must
    prove better: by the whole 95 % interval of the difference in AUC, where the groups allow one.

    Args:
        initial: `frame/kernel` (width, 1) and `frame/bias` (1,), if there are any.

    Returns the classifier, and OWN or LOGISTIC.
    """
    if initial is None:
        return logistic, LOGISTIC
    kernel, bias = np.asarray(initial["frame/kernel"]), np.asarray(initial["frame/bias"])
    own = FrameClassifier(kernel.astype(np.float32), bias.astype(np.float32))
    better = _is_better(logistic, own, val, seed)
    return (logistic, LOGISTIC) if better else (own, OWN)


def _is_better(one: FrameClassifier, other: FrameClassifier, val: SplitPart, seed: int) -> bool:
    means, draws = val.means(), draw_groups(val.groups, val.fake, seed, RESAMPLES)
    compared = compare(one.logits(means), other.logits(means), val.fake, draws)
    difference = compared["auc_difference"]
    low: float = (difference["interval"] or (difference["value"],))[0]
    return low > 0


def _best_strength(means: Floats32, fake: Labels, groups: tuple[str, ...], seed: int) -> float:
    folds = _folds(means, fake, groups, seed)
    if not folds:
        return UNTRIED_STRENGTH
    scores = {
        strength: np.mean([_score(strength, means, fake, *fold) for fold in folds])
        for strength in STRENGTHS
    }
    return max(scores, key=lambda strength: scores[strength])


def _score(
    strength: float, means: Floats32, fake: Labels, fitted: NDArray[Any], judged: NDArray[Any]
) -> float:
    pipeline = _pipeline(strength).fit(means[fitted], fake[fitted])
    return auc(pipeline.decision_function(means[judged]), fake[judged])


def _folds(
    means: Floats32, fake: Labels, groups: tuple[str, ...], seed: int
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Folds with both labels on both sides, and nobody on both sides."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(FOLDS, len(set(groups)), int(fake.sum()), int((~fake).sum()))
    if count < 2:
        return []
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return [
        (fitted, judged)
        for fitted, judged in folds.split(means, fake, groups)
        if all(fake[side].any() and not fake[side].all() for side in (fitted, judged))
    ]


def _pipeline(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=ITERATIONS)
    return make_pipeline(StandardScaler(copy=True), regression)
