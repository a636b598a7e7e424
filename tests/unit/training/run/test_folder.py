import json

import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.run.folder import begin_run, name_run, open_run, resume_run
from ddaemon.training.run.recipe import make_recipe

RECIPE = make_recipe(None, {"frames": 5})


def begin(tmp_path, dataset="data", out=None, name=None, taken=()):
    (tmp_path / dataset).mkdir(exist_ok=True)
    return begin_run(tmp_path / "runs", tmp_path / dataset, RECIPE, out, name, taken)


def test_what_was_asked_for_is_found_again(tmp_path):
    run = begin(tmp_path)
    again = open_run(run.folder)
    assert (again.recipe, again.dataset, again.name) == (RECIPE, tmp_path / "data", run.name)


def test_a_run_is_not_begun_where_one_lies(tmp_path):
    begin(tmp_path, out=tmp_path / "here")
    with pytest.raises(UserError, match="--resume"):
        begin(tmp_path, out=tmp_path / "here")


@pytest.mark.parametrize("name", ["Big", "a/b", "-a", "a" * 65])
def test_a_name_that_no_detector_can_have_is_refused_at_once(tmp_path, name):
    with pytest.raises(UserError, match="can't be called"):
        begin(tmp_path, name=name)
    assert not (tmp_path / "runs").exists()


def test_a_name_that_is_taken_is_refused_at_once(tmp_path):
    with pytest.raises(UserError, match="choose another --name"):
        begin(tmp_path, name="mine", taken=["mine"])


def test_the_latest_run_of_the_data_set_is_resumed(tmp_path):
    runs = tmp_path / "runs"
    for number, dataset in enumerate(("data", "data", "other")):
        begin(tmp_path, dataset, out=runs / f"2026010{number}")
    assert resume_run(runs, tmp_path / "data", None, None).folder == runs / "20260101"
    assert resume_run(runs, None, None, None).folder == runs / "20260102"
    with pytest.raises(UserError, match="no run of"):
        resume_run(runs, tmp_path / "third", None, None)


def test_a_run_is_not_resumed_on_other_data(tmp_path):
    begin(tmp_path, out=tmp_path / "here")
    with pytest.raises(UserError, match="is a run on"):
        resume_run(tmp_path / "runs", tmp_path / "other", tmp_path / "here", None)


def test_a_resumed_run_does_not_take_another_name_without_a_word(tmp_path):
    runs, here = tmp_path / "runs", tmp_path / "here"
    begin(tmp_path, out=here, name="mine")
    assert resume_run(runs, None, here, "mine").name == "mine"
    with pytest.raises(UserError, match="is called mine, not yours; leave --name out"):
        resume_run(runs, None, here, "yours")


def test_weights_are_found_from_wherever_the_next_command_is_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = make_recipe(None, {"backbone": "efficientnet_lite0", "weights": "w.npz"})
    run = begin_run(tmp_path / "runs", tmp_path, recipe, None, None, ())
    assert open_run(run.folder).recipe.weights == str(tmp_path / "w.npz")


def test_only_one_works_on_a_run(tmp_path):
    run = begin(tmp_path)
    with run.hold(), pytest.raises(UserError, match="another ddaemon"), run.hold():
        pass
    with run.hold():
        pass


def test_a_damaged_run_is_told_so(tmp_path):
    run = begin(tmp_path)
    (run.folder / "run.json").write_text(json.dumps({"name": "a"}))
    with pytest.raises(UserError, match="not understood"):
        open_run(run.folder)
    with pytest.raises(UserError, match="is not a run"):
        open_run(tmp_path)


def test_names_sort_by_time_and_say_what_they_are_of(tmp_path):
    names = [name_run(tmp_path / "Celeb DF (v2)", RECIPE, now) for now in (0, 86400 * 400)]
    assert names == sorted(names)
    assert names[0].endswith("-celeb-df-v2")
