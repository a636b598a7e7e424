"""A short fit with the backend that KERAS_BACKEND names: python fit_with_backend.py FOLDER."""

import json
import sys
from pathlib import Path

import keras

from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent

folder = Path(sys.argv[1])
train = make_part(folder / "train", 80, 0, longest=2)
val = make_part(folder / "val", 40, 1, who="other", longest=2)
asked = recipe(epochs=2, balance="class-weight")
fit = fit_head(train, val, asked, None, folder / "fit", Journal(folder / "j.jsonl"), silent)
again = fit_head(train, val, asked, None, folder / "fit", Journal(folder / "j.jsonl"), silent)
same = all((fit.arrays[name] == again.arrays[name]).all() for name in fit.arrays)
print(json.dumps({"backend": keras.backend.backend(), "curves": fit.curves, "same": same}))
