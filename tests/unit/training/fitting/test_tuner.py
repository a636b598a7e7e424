import json

import pytest

from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting import tuner
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return make_part(folder / "train", 40, 0), make_part(folder / "val", 24, 1, who="other")


def tune(folder, parts, progress=silent, **changes):
    journal = Journal(folder / "journal.jsonl")
    return fit_head(*parts, recipe(**changes), None, folder, journal, progress)


def units(folder):
    lines = (folder / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["unit"] for line in lines]


@pytest.mark.slow
def test_hyperband_keeps_to_the_number_of_trials_and_goes_on_with_the_best(parts, tmp_path, capfd):
    told = []
    found = tune(
        tmp_path, parts, lambda *unit: told.append(unit), trials=4, tuner="hyperband", epochs=3
    )
    assert [trial["epochs"] for trial in found.trials] == [1, 1, 1, 3]
    scores = [trial["score"] for trial in found.trials]
    assert found.trials[3]["settings"] == found.trials[scores.index(max(scores[:3]))]["settings"]
    assert "trial 3 epoch 1" not in units(tmp_path)  # it goes on with an earlier trial's
    assert [unit for unit in told if unit[0] == "tune"] == [("tune", n, 4) for n in range(5)]
    assert found.curves[found.epoch]["val_auc"] >= max(scores)
    assert "Trial" not in capfd.readouterr().out
    again = tune(tmp_path, parts, trials=4, tuner="hyperband", epochs=3)
    assert again.trials == found.trials
    assert len(units(tmp_path)) == len(set(units(tmp_path)))


def test_a_fault_in_a_trial_is_not_taken_for_bad_settings(parts, tmp_path, monkeypatch):
    def fails(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr(tuner, "learn", fails)
    with pytest.raises(UserError, match="the disk is full"):
        tune(tmp_path, parts, trials=2)


def test_trials_without_epochs_are_refused(parts, tmp_path):
    with pytest.raises(UserError, match="--epochs 1 or more"):
        tune(tmp_path, parts, trials=2, epochs=0)
