"""A fit that ends itself with SIGKILL: python fit_in_process.py FOLDER BATCHES TRIALS.

BATCHES: it dies before this batch of those it has drawn itself; 0: never.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting import learning
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent


def main(folder, last, trials):
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
    fit = fit_head(
        train, val, asked, None, folder / "fit", Journal(folder / "journal.jsonl"), silent
    )
    np.savez(folder / "result.npz", **fit.arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
