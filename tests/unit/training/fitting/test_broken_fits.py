import json
import signal

import numpy as np
import pytest

from ddaemon.tests.unit.training.fitting.fit_in_process import fit
from ddaemon.tests.warm import WarmProcess


def run(folder, last=0, trials=0):
    folder.mkdir(exist_ok=True)
    return WarmProcess(fit, folder, last, trials).wait()


def result(folder):
    with np.load(folder / "result.npz") as stored:
        return {name: stored[name].tobytes() for name in stored.files}


def units(folder):
    lines = (folder / "journal.jsonl").read_text().splitlines()
    return [json.loads(line)["unit"] for line in lines]


@pytest.mark.slow
def test_a_fit_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path):
    whole = run(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    broken = tmp_path / "broken"
    assert run(broken, last=25).returncode == -signal.SIGKILL
    assert units(broken) == ["epoch 1", "epoch 2"]
    resumed = run(broken)
    assert resumed.returncode == 0, resumed.stderr
    assert units(broken) == ["epoch 1", "epoch 2", "epoch 3"]
    assert result(broken) == result(tmp_path / "whole")


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_with_the_trial_it_was_at(tmp_path):
    whole = run(tmp_path / "whole", trials=2)
    assert whole.returncode == 0, whole.stderr
    broken = tmp_path / "broken"
    assert run(broken, last=45, trials=2).returncode == -signal.SIGKILL
    before = units(broken)
    assert before[-2:] == ["trial 0", "trial 1 epoch 1"]
    resumed = run(broken, trials=2)
    assert resumed.returncode == 0, resumed.stderr
    assert units(broken) == units(tmp_path / "whole")
    assert len(set(units(broken))) == len(units(broken))
    assert result(broken) == result(tmp_path / "whole")
    assert "Trial" not in resumed.stdout
