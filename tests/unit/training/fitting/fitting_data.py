"""Small made data sets to fit a head to."""

import numpy as np

from ddaemon.training.features.sequences import write_sequences
from ddaemon.training.fitting.data import SplitPart
from ddaemon.training.run.recipe import HeadSettings, Recipe

WIDTH = 6
HEAD = HeadSettings(units=4, attention_units=4, dropout=0.2, rate=2e-2, batch=16)


def recipe(**changes):
    settings = {"epochs": 3, "frames": 5, "seed": 1, "head": HEAD, "balance": "none"}
    return Recipe(**(settings | changes))


def make_part(folder, videos, seed, told=1.0, fakes=0.5, longest=5, who="person"):
    """Videos of 1 to `longest` steps, a few of each person; `told`: how far the labels lie
    apart in the first number (0: the labels are random)."""
    random = np.random.default_rng(seed)
    fake = np.arange(videos) < max(2, round(videos * fakes))
    random.shuffle(fake)
    lengths = random.integers(1, longest, size=videos, endpoint=True)
    lengths[0] = 1
    sequences = [random.normal(0, 1, (length, WIDTH)) for length in lengths]
    for sequence, is_fake in zip(sequences, fake, strict=True):
        sequence[:, 0] += told if is_fake else -told
    kept = write_sequences(
        folder, [[s.astype(np.float16)] for s in sequences], int(lengths.sum()), WIDTH
    )
    groups = tuple(f"{who}-{place % max(2, videos // 4)}" for place in range(videos))
    return SplitPart(kept, kept.main(), fake, groups)
