"""`--protocol seed`: the seed system's recipe to the letter, and the sound one on the same vectors.

The seed system averages a video's vectors, makes synthetic samples with SMOTE, and only then
splits at random. So its validation part has samples made from training videos, and people seen in
training. Here both protocols have the same network, settings and number of epochs: only the split
differs.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...stages.networks.head import Head
from ..array_types import Floats32, Labels
from ..datasets.rows import SPLITS
from ..evaluation.auc import auc
from ..features.sequences import Sequences
from ..run.folder import digest_of, write_json
from ..run.journal import Journal
from ..run.progress_callback import ProgressCallback
from ..run.recipe import Recipe
from .balance import smote
from .data import Material, fingerprint, require_both, single_steps
from .learning import FitTask, Learned
from .reporter import ProgressReporter
from .tuner import learn_with_best

VALIDATION_SHARE = 0.2
MEASURE = "val_accuracy"  # what the seed system tunes for
SeedRecord = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Videos:
    """Mean vectors, labels, groups and splits of videos; all of the same length."""

    vectors: Floats32  # (videos, width)
    fake: Labels
    groups: tuple[str, ...]
    splits: tuple[str, ...]

    def of_split(self, split: str) -> "Videos":
        """The videos of one split. Raises `UserError` when a label is missing."""
        places = np.flatnonzero(np.array(self.splits) == split)
        require_both(self.fake[places], split)
        return Videos(
            self.vectors[places],
            self.fake[places],
            tuple(self.groups[place] for place in places),
            (split,) * len(places),
        )

    def with_made(self, seed: int) -> tuple[Floats32, Labels]:
        """The vectors and labels, followed by as many synthetic ones as balance the two labels."""
        minority = int(min(self.fake.sum(), (~self.fake).sum()))
        return smote(self.vectors, self.fake, "auto", minority, seed)


def run_seed_protocol(
    sequences: Sequences,
    fake: Labels,
    groups: Sequence[str],
    splits: Sequence[str],
    recipe: Recipe,
    folder: Path,
    journal: Journal,
    progress: ProgressCallback,
) -> SeedRecord:
    """`{"seed": ..., "sound": ..., "why": [sentences]}`; finished work is kept in `folder`.

    Args:
        fake: (videos,), like `groups` and `splits` in the order of `sequences.main()`.

    Raises `UserError` when a split lacks a label or SMOTE has one video of a label only.
    """
    videos = Videos(sequences.means(sequences.main()), fake, tuple(groups), tuple(splits))
    parts = {split: videos.of_split(split) for split in SPLITS}
    vectors = fingerprint(single_steps(videos.vectors, fake))
    inputs = [recipe.model_dump(mode="json"), videos.groups, videos.splits, vectors]
    digest = digest_of({"told": inputs})

    def once(name: str, work: Callable[[Fitting], SeedRecord]) -> SeedRecord:
        reporter = ProgressReporter(journal, progress, f"{name} protocol: ")
        return _once(
            folder / f"{name}.json", digest, Fitting(recipe, folder / name, reporter), work
        )

    seed = once("seed", partial(_seed, videos))
    sound = once("sound", partial(_sound, parts))
    return {"seed": seed, "sound": sound, "why": explain(seed, sound)}


def explain(seed: SeedRecord, sound: SeedRecord) -> list[str]:
    """Why the two numbers differ, in sentences made from what was found."""
    judged, made = seed["validation_samples"], seed["synthetic_in_validation"]
    people = seed["people_in_both"]
    return [
        f"The seed protocol says {seed['accuracy']:.1%} accuracy, of {judged} validation samples. "
        f"The same network on a split by people gets {sound['accuracy']:.1%} (balanced "
        f"{sound['balanced_accuracy']:.1%}) of {sound['videos']} test videos.",
        f"{made} of the seed protocol's {judged} validation samples are synthetic: SMOTE made them "
        "before the split, as mixtures of videos that may be in the training part."
        if made
        else "No validation sample of the seed protocol is synthetic.",
        f"People (or source clips) that are in its training part and in its validation part: "
        f"{people}; in the sound split's training and test parts: {sound['people_in_both']}. Who "
        "is known from training can be told without looking for a manipulation.",
        "Each sequence has one step, the mean vector: the LSTM has no order in time to learn from.",
    ]


@dataclass(frozen=True, slots=True)
class Fitting:
    """How and where one of the two protocols is fitted."""

    recipe: Recipe
    folder: Path
    reporter: ProgressReporter

    def learn(self, train: Material, val: Material) -> Learned:
        """Fit for all epochs, with no early stopping and the frame classifier learned, too."""
        data, recipe = fingerprint(train, val), self.recipe
        task = FitTask(train, val, None, recipe.epochs, None, recipe.seed, data)
        return learn_with_best(task, recipe, self.folder, MEASURE, self.reporter)[0]


def _seed(videos: Videos, fitting: Fitting) -> SeedRecord:
    from sklearn.metrics import classification_report
    from sklearn.model_selection import train_test_split

    vectors, fake = videos.with_made(fitting.recipe.seed)
    train, val = train_test_split(
        np.arange(len(fake)),
        test_size=VALIDATION_SHARE,
        stratify=fake,
        random_state=fitting.recipe.seed,
    )
    learned = fitting.learn(*(single_steps(vectors[side], fake[side]) for side in (train, val)))
    called = _logits(learned, vectors[val]) > 0
    real = len(videos.fake)  # the synthetic ones come after them
    report = classification_report(
        fake[val], called, labels=[False, True], target_names=["real", "fake"],
        output_dict=True, zero_division=0,
    )  # fmt: skip
    return {
        "accuracy": float((called == fake[val]).mean()),
        "best_accuracy": max(float(curve[MEASURE] or 0) for curve in learned.curves),
        "curves": learned.curves,
        "report": report,
        "training_samples": len(train),
        "validation_samples": len(val),
        "synthetic_in_validation": int((val >= real).sum()),
        "people_in_both": len(
            {videos.groups[place] for place in train if place < real}
            & {videos.groups[place] for place in val if place < real}
        ),
    }


def _sound(parts: Mapping[str, Videos], fitting: Fitting) -> SeedRecord:
    from sklearn.metrics import balanced_accuracy_score

    train, val, test = (parts[split] for split in SPLITS)
    learned = fitting.learn(
        single_steps(*train.with_made(fitting.recipe.seed)), single_steps(val.vectors, val.fake)
    )
    logits = _logits(learned, test.vectors)
    return {
        "accuracy": float(((logits > 0) == test.fake).mean()),
        "balanced_accuracy": float(balanced_accuracy_score(test.fake, logits > 0)),
        "auc": auc(logits, test.fake),
        "curves": learned.curves,
        "videos": len(test.fake),
        "people_in_both": len(set(train.groups) & set(test.groups)),
    }


def _logits(learned: Learned, vectors: Floats32) -> Floats32:
    """The logits by the code of serving, with the weights of the last epoch."""
    head = Head(learned.last)
    return np.array([head.run(vector[None]).logit for vector in vectors], np.float32)


def _once(
    path: Path, digest: str, fitting: Fitting, work: Callable[[Fitting], SeedRecord]
) -> SeedRecord:
    """The result kept in `path`, if it belongs to `digest`; else do the work and keep it."""
    if path.is_file():
        kept = json.loads(path.read_bytes())
        if kept["made_from"] == digest:
            return dict(kept["record"])
    path.parent.mkdir(parents=True, exist_ok=True)
    record = work(fitting)
    write_json(path, {"made_from": digest, "record": record})
    return record
