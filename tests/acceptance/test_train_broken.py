"""Training that is killed, and gone on with."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ddaemon.tests.people import celeb_df, film
from ddaemon.tests.runs import noted
from ddaemon.tests.service import Ddaemon
from ddaemon.tests.warm import start_command

PEOPLE = 12
# Where it is killed: after so many units of a step in the journal, or as soon as a step is done,
# which is in the midst of the next one.
UNITS = (("index", 5), ("vectors", 5), ("fit", 2), ("fit", 2))
DONE = ("fit", "evaluate")


def test_a_run_that_is_killed_at_each_step_does_nothing_twice(
    ddaemon: Ddaemon, tmp_path: Path
) -> None:
    """The process and its children are killed; the run goes on and ends as an unbroken one."""
    celebs = celeb_df(tmp_path / "data", people=PEOPLE, takes=1)
    words = ("train", str(celebs), "--frames", "3", "--epochs", "3", "--patience", "9",
             "--trials", "2", "--val", "0.25", "--test", "0.4")  # fmt: skip
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    call = (*words, "--out", str(broken))
    for step, count in UNITS:
        again = "--resume" if broken.exists() else "--name=b"
        enough = _count(broken, step) + count
        _kill_when(ddaemon, (*call, again), lambda s=step, n=enough: _count(broken, s) >= n)
    for step in DONE:
        _kill_when(ddaemon, (*call, "--resume"), lambda s=step: s in _done(broken))
    ddaemon.warm_call(*call, "--resume")
    ddaemon.warm_call(*words, "--out", str(whole), "--name", "w")
    twice = {unit: count for unit, count in Counter(noted(broken)).items() if count > 1}
    assert not twice
    assert len(noted(broken)) >= len(noted(whole)) - len(UNITS), "a unit was done and not noted"
    assert (broken / "fit" / "head.npz").read_bytes() == (whole / "fit" / "head.npz").read_bytes()
    assert {"b", "w"} <= {path.name for path in (ddaemon.home / "detectors").iterdir()}


def _kill_when(daemon: Ddaemon, words: tuple[str, ...], is_time: Callable[[], bool]) -> None:
    process = start_command("--home", str(daemon.home), *words)
    while not is_time() and process.poll() is None:
        time.sleep(0.02)
    assert process.kill() == -signal.SIGKILL, "it ended before it could be broken"


def _count(run: Path, step: str) -> int:
    return sum(s == step for s, _ in noted(run)) if (run / "journal.jsonl").is_file() else 0


def _done(run: Path) -> dict[str, str]:
    path = run / "steps.json"
    return json.loads(path.read_bytes()) if path.is_file() else {}


def test_the_backbone_learns_with_finetune(ddaemon: Ddaemon, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(
        "frames = 2\nepochs = 1\nval = 0.25\ntest = 0.25\nfinetune = true\n"
        'blind_to = ["puppets", "sound"]\n'
        '[finetuning]\nepochs = 2\nsteps = 2\nbatch = 4\naverage = 0.5\nfrozen_to = "block14_add"\n'
    )
    words = (str(celeb_df(tmp_path / "data", people=10, takes=1)),
             "--recipe", str(tmp_path / "recipe.toml"))  # fmt: skip
    run, again = tmp_path / "run", tmp_path / "again"
    call = ("train", *words, "--out", str(run))
    _kill_when(ddaemon, (*call, "--name", "a"), lambda: _count(run, "finetune") > 0)
    ddaemon.warm_call(*call, "--resume")
    ddaemon.warm_call("train", "index", *words, "--out", str(again), "--name", "b")
    ddaemon.warm_call("train", "finetune", str(again))
    assert [unit for step, unit in noted(run) if step == "finetune"] == ["epoch 1", "epoch 2"]
    for name in ("finetuned/weights.npz", "finetune/checkpoint.npz"):  # the best, and the last
        with np.load(run / name) as broken, np.load(again / name) as whole:
            assert all(np.array_equal(broken[array], whole[array]) for array in whole.files), name
    curves = json.loads((run / "finetune" / "curves.json").read_text())
    assert ["val_auc_unaveraged" in curve for curve in curves] == [False, True, True]
    assert "fine-tuned" in ddaemon.call("detectors", "show", "a")
    video = film(tmp_path / "x.mp4", who=30, take=0, forged=False)
    _is_said_beside_the_verdict("puppets; sound", ddaemon, video)


def _is_said_beside_the_verdict(blind_to: str, daemon: Ddaemon, video: Path) -> None:
    """What the recipe of detector a names as unseen reaches everyone who reads its verdict."""
    assert f"blind to   {blind_to}" in daemon.call("detectors", "show", "a")
    card = (daemon.home / "detectors" / "a" / "card.md").read_text()
    assert f"These can pass as real: {blind_to}." in card
    (verdict,) = map(
        json.loads, daemon.call("check", str(video), "--detector", "a", "--json").splitlines()
    )
    assert verdict["limits"].endswith(f"to see: {blind_to}.")
