"""Judgements drawn from known distributions, for tests of what is computed from them."""

import numpy as np

from ddaemon.training.evaluation.calibration import choose_thresholds
from ddaemon.training.evaluation.judged import Judged
from ddaemon.training.evaluation.traits import name_traits

METHODS = ("Deepfakes", "FaceSwap", "")


def made(videos=300, skill=1.0, seed=0, noise=1.0, **changes):
    """A detector whose fakes score 2 x `skill` deviations higher, in groups of about 4 videos;
    its baseline is its own score with noise."""
    random = np.random.default_rng(seed)
    fake = random.random(videos) < 0.6
    logits = np.where(fake, skill, -skill) + random.normal(0, 1, videos)
    probability = 1 / (1 + np.exp(-logits))
    thresholds = choose_thresholds(probability, fake, "other videos")
    parts = {
        "detector": "made 1",
        "dataset": "drawn numbers",
        "fake": fake,
        "groups": tuple(str(place // 4) for place in range(videos)),
        "probability": probability,
        "decision": tuple(
            "fake" if x >= thresholds.fake else "real" if x <= thresholds.real else "inconclusive"
            for x in probability
        ),
        "thresholds": thresholds,
        "baselines": {"mean of per-frame scores": logits + random.normal(0, noise, videos)},
        "traits": name_traits(
            random.uniform(20, 400, videos),
            random.uniform(0, 255, videos),
            random.uniform(0, 0.3, videos),
            [METHODS[place % 3] if of else "" for place, of in enumerate(fake)],
        ),
        "left_out": {},
    }
    return Judged(**parts | changes)
