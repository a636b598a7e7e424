from dataclasses import replace

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE

from ddaemon.stages.networks.head import Head
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.training.fitting.fitting_data import WIDTH, make_part, recipe
from ddaemon.training.evaluation.auc import auc
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent

pytestmark = pytest.mark.slow

NEVER = {"frame/kernel": np.zeros((WIDTH, 1)), "frame/bias": np.zeros(1)}


def fit(folder, parts, progress=silent, start=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "journal.jsonl")
    return fit_head(*parts, recipe(**changes), start, folder, journal, progress)


def judge(found, part):
    head = Head(found.arrays)
    sequences = (part.sequences[number].astype(np.float32) for number in part.chosen)
    return np.array([head.run(sequence).logit for sequence in sequences])


def same(one, other):
    return all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return make_part(folder / "train", 80, 0, fakes=0.3), make_part(
        folder / "val", 40, 1, who="other"
    )


@pytest.fixture(scope="module")
def fitted(parts, tmp_path_factory):
    return fit(tmp_path_factory.mktemp("fit"), parts)


def test_what_can_be_told_is_learned(fitted, tmp_path):
    held = make_part(tmp_path, 200, 2, who="third")
    assert auc(judge(fitted, held), held.fake) > 0.95
    assert fitted.curves[-1]["loss"] < fitted.curves[1]["loss"]
    assert [curve["epoch"] for curve in fitted.curves] == [0, 1, 2, 3]


def test_random_labels_are_not_learned(tmp_path):
    train, val, held = (
        make_part(tmp_path / str(n), 160, n, told=0.0, who=str(n)) for n in range(3)
    )
    found = fit(tmp_path / "fit", (train, val))
    assert 0.35 < auc(judge(found, held), held.fake) < 0.65


def test_the_curves_say_what_serving_says_and_the_best_epoch_is_kept(fitted, parts):
    aucs = [curve["val_auc"] for curve in fitted.curves]
    assert fitted.epoch == int(np.argmax(aucs))
    assert auc(judge(fitted, parts[1]), parts[1].fake) == pytest.approx(max(aucs))


def test_the_same_seed_gives_the_same_arrays_and_another_gives_others(fitted, parts, tmp_path):
    assert same(fit(tmp_path / "same", parts), fitted)
    assert not same(fit(tmp_path / "other", parts, seed=2), fitted)


def test_a_finished_fit_is_not_done_again_but_one_for_other_settings_is(fitted, parts, tmp_path):
    first = fit(tmp_path, parts, epochs=1)
    again = fit(tmp_path, parts, epochs=1)
    assert same(first, again)
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 1
    fit(tmp_path, parts, epochs=1, balance="class-weight")
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 2


def test_without_epochs_the_start_is_returned(parts, tmp_path):
    found = fit(tmp_path, parts, epochs=0)
    assert found.epoch == 0
    assert len(found.curves) == 1
    np.testing.assert_allclose(
        judge(found, parts[1]), found.logistic.logits(parts[1].means()), atol=1e-2
    )


def test_what_a_frame_says_alone_is_left_as_it_was(fitted):
    assert fitted.epoch > 0  # else nothing was fitted that could have changed it
    np.testing.assert_array_equal(fitted.arrays["frame/kernel"], fitted.logistic.kernel)
    assert fitted.frame_start == "logistic regression"


def test_it_ends_when_validation_stops_getting_better(tmp_path):
    train = make_part(tmp_path / "train", 40, 0, told=0.0)
    val = make_part(tmp_path / "val", 40, 1, told=5.0)
    knows = {"frame/kernel": np.eye(WIDTH, 1), "frame/bias": np.zeros(1)}
    found = fit(tmp_path / "fit", (train, val), start=knows, epochs=9, patience=2)
    assert found.frame_start == "own"
    assert (found.epoch, len(found.curves)) == (0, 3)


def test_smote_never_sees_validation_rows(parts, tmp_path, monkeypatch):
    handed = []
    resample = SMOTE.fit_resample

    def spy(self, vectors, labels):
        handed.append(vectors)
        return resample(self, vectors, labels)

    monkeypatch.setattr(SMOTE, "fit_resample", spy)
    found = fit(tmp_path, parts, balance="smote", epochs=1)
    assert found.balance.startswith("SMOTE: 32 synthetic fakes beside 24")
    train, val = ({tuple(v) for v in part.sequences.vectors.tolist()} for part in parts)
    rows = {tuple(v) for vectors in handed for v in vectors.reshape(-1, WIDTH).tolist()}
    assert rows
    assert rows <= train
    assert not rows & val


def test_a_part_with_one_label_is_refused(parts, tmp_path):
    reals = replace(parts[1], fake=np.zeros(len(parts[1]), np.bool_))
    with pytest.raises(UserError, match="the val part has no fakes"):
        fit(tmp_path, (parts[0], reals))
