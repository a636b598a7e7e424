"""From cached vectors to the judgements that the report is computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stages.classify import decide
from ...stages.networks.arrays import Arrays
from ...stages.networks.calibrate import apply_calibration
from ...stages.networks.head import Head
from ...storage.detector_record import CalibrationRecord, EnvelopeRecord, ThresholdsRecord
from ..evaluation.envelope_fit import envelope_traits
from ..evaluation.judged import Judged
from ..evaluation.traits import ENVELOPE, name_traits
from ..features.collect import Collected
from .scoring import Logits, Scores, score_means, score_videos

LOGISTIC, MEAN = "logistic regression on the mean vector", "mean of per-frame scores"


@dataclass(frozen=True, slots=True)
class HeadJudge:
    """A detector without its backbone: it turns vectors into decisions."""

    name: str
    head: Head
    pooling: str
    calibration: CalibrationRecord
    thresholds: ThresholdsRecord
    logistic: Arrays | None  # on the mean vector: kernel (width, 1), bias (1,)
    envelope: EnvelopeRecord | None = None  # None: not learned, or not yet


def judge_collected(
    judge: HeadJudge, dataset: str, collected: Collected, places: Sequence[int]
) -> Judged:
    """Judge some of the collected rows."""
    scores = score_videos(collected.sequences, places, judge.head, judge.pooling)
    return make_judged(judge, dataset, collected, places, scores)


def make_judged(
    judge: HeadJudge, dataset: str, collected: Collected, places: Sequence[int], scores: Scores
) -> Judged:
    """The same, from logits that were computed already."""
    rows = [collected.rows[place] for place in places]
    probability = calibrated(scores.whole, judge.calibration)
    chosen = np.asarray(places, np.int64)
    return Judged(
        detector=judge.name,
        dataset=dataset,
        fake=labels(collected, places),
        groups=tuple(row.group for row in rows),
        probability=probability,
        decision=tuple(decide(float(value), judge.thresholds) for value in probability),
        thresholds=judge.thresholds,
        baselines=_baselines(judge, collected, places, scores),
        traits=name_traits(
            collected.face_px[chosen].tolist(),
            collected.brightness[chosen].tolist(),
            [row.bits_per_pixel for row in rows],
            [row.method for row in rows],
        )
        | {ENVELOPE: envelope_traits(collected.measures[scores.person], judge.envelope)},
        left_out=collected.left_out,
    )


def labels(collected: Collected, places: Sequence[int]) -> NDArray[np.bool_]:
    """(videos,): True is fake."""
    return np.array([collected.rows[place].fake for place in places], np.bool_)


def calibrated(logits: Logits, calibration: CalibrationRecord) -> Logits:
    """Probabilities of fake, (videos,), as a verdict would state them."""
    return np.asarray(apply_calibration(logits, calibration, frame=False), np.float64)


def _baselines(
    judge: HeadJudge, collected: Collected, places: Sequence[int], scores: Scores
) -> Mapping[str, Logits]:
    found = {MEAN: scores.mean}
    if judge.logistic is not None:
        kernel, bias = judge.logistic["kernel"], float(judge.logistic["bias"].ravel()[0])
        found[LOGISTIC] = score_means(collected.sequences, places, kernel, bias)
    return found
