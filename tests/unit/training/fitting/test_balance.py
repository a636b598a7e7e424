import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting import balance as balancing
from ddaemon.training.fitting.balance import balance
from ddaemon.training.fitting.data import material_of


def balanced(folder, part, **changes):
    return balance(material_of(part), recipe(**changes))


@pytest.fixture
def few_fakes(tmp_path):
    return make_part(tmp_path / "few", 40, 0, fakes=0.2)


def test_smote_evens_the_numbers_and_leaves_the_real_videos_as_they_are(tmp_path, few_fakes):
    found = balanced(tmp_path, few_fakes, balance="smote").material
    assert found.fake.sum() == 32 == (~found.fake).sum()
    before = material_of(few_fakes)
    np.testing.assert_array_equal(found.starts[:40], before.starts)
    np.testing.assert_array_equal(found.fake[:40], before.fake)
    assert found.fake[40:].all()


def test_what_smote_makes_lies_between_videos_of_the_rarer_label(tmp_path, few_fakes):
    found = balanced(tmp_path, few_fakes, balance="smote").material
    steps = int(found.lengths[-1])
    assert steps == np.median(material_of(few_fakes).lengths)
    fakes = np.flatnonzero(few_fakes.fake)
    real = found.gather(found.evenly(fakes, steps)).reshape(len(fakes), -1)
    made = found.gather(found.evenly(np.arange(40, 64), steps)).reshape(24, -1)
    assert (made <= real.max(axis=0) + 1e-2).all()
    assert (made >= real.min(axis=0) - 1e-2).all()
    assert len(np.unique(made, axis=0)) == 24


def test_smote_in_pieces_makes_as_many_and_no_piece_twice(tmp_path, few_fakes, monkeypatch):
    monkeypatch.setattr(balancing, "CHUNK_BYTES", 1)
    found = balanced(tmp_path, few_fakes, balance="smote").material
    assert found.fake.sum() == 32
    assert len(np.unique(found.made.reshape(24, -1), axis=0)) == 24


def test_smote_of_one_video_names_the_way_out(tmp_path):
    part = make_part(tmp_path / "one", 20, 0, fakes=0.1)
    part.fake[np.flatnonzero(part.fake)[1:]] = False
    with pytest.raises(UserError, match="--balance class-weight"):
        balanced(tmp_path, part, balance="smote")


def test_smote_that_would_not_fit_into_memory_names_the_way_out(tmp_path, few_fakes, monkeypatch):
    monkeypatch.setattr(balancing, "MEMORY", 100)
    with pytest.raises(UserError, match=r"fewer --frames"):
        balanced(tmp_path, few_fakes, balance="smote")


def test_class_weights_make_both_labels_count_the_same(tmp_path, few_fakes):
    found = balanced(tmp_path, few_fakes, balance="class-weight").material
    assert found.weights[found.fake].sum() == pytest.approx(found.weights[~found.fake].sum())
    assert len(found) == 40


def test_none_leaves_everything_as_it_is(tmp_path, few_fakes):
    found = balanced(tmp_path, few_fakes, balance="none").material
    assert len(found) == 40
    assert (found.weights == 1).all()
