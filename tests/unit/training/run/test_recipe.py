import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.run.recipe import Recipe, make_recipe
from ddaemon.training.steps.pipeline import STEPS


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("frames = 7\nepochs = 3\n[head]\nunits = 5\n")
    return path


def test_options_win_over_the_file_and_the_file_over_the_defaults(file):
    recipe = make_recipe(file, {"epochs": 9})
    assert (recipe.frames, recipe.epochs, recipe.head.units) == (7, 9, 5)
    assert recipe.patience == Recipe().patience


def test_all_faults_are_told_at_once(file):
    with pytest.raises(UserError) as told:
        make_recipe(file, {"val": 2, "balance": "magic", "framse": 3})
    for fault in ("val", "balance", "framse"):
        assert fault in str(told.value)


def test_the_seed_protocol_has_its_own_defaults_that_options_still_change():
    recipe = make_recipe(None, {"protocol": "seed", "frames": 10})
    assert (recipe.mode, recipe.backbone, recipe.epochs) == ("frame", "efficientnetv2b0", 50)
    assert recipe.frames == 10


def test_a_change_of_a_run_keeps_what_it_does_not_name():
    base = make_recipe(None, {"protocol": "seed", "frames": 10}).model_dump()
    changed = make_recipe(None, {"epochs": 2}, base)
    assert (changed.frames, changed.epochs, changed.mode) == (10, 2, "frame")


def test_a_file_that_is_no_recipe_is_told_so(tmp_path):
    (tmp_path / "r.toml").write_text("frames = = 3")
    with pytest.raises(UserError, match="is not a recipe"):
        make_recipe(tmp_path / "r.toml", {})


def test_every_setting_belongs_to_a_step_so_that_a_change_of_it_redoes_that_step():
    known = {setting for step in STEPS.values() for setting in step.settings}
    assert known == set(Recipe.model_fields)
