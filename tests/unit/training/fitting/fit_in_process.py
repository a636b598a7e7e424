"""A fit that ends its own process with SIGKILL."""

import os
import signal

import numpy as np

from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting import learning
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent


def fit(folder, last, trials):
    """Fit in `folder`, and die before batch `last` of those that this process draws; 0: never."""
    train = make_part(folder / "train", 40, 0, fakes=0.4)
    val = make_part(folder / "val", 24, 1, who="other")
    batches, drawn = learning.epoch_batches, 0

    def deadly(*arguments):
        nonlocal drawn
        for batch in batches(*arguments):
            drawn += 1
            if drawn == last:
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    learning.epoch_batches = deadly
    asked = recipe(trials=trials, balance="smote")
    fitted = fit_head(
        train, val, asked, None, folder / "fit", Journal(folder / "journal.jsonl"), silent
    )
    np.savez(folder / "result.npz", **fitted.arrays)
