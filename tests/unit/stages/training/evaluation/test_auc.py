import numpy as np
import pytest

from ddaemon.stages.training.evaluation.auc import auc_with_interval, choose_half
from ddaemon.stages.training.faces_dataset import Face
from ddaemon.storage.errors import UserError


def faces(groups=40, seed=0):
    random = np.random.default_rng(seed)
    return [
        Face("a.zip", f"{group}-{i}-{fake}.jpg", fake, str(group), "val")
        for group in range(groups)
        for fake in (True, False)
        for i in range(random.integers(1, 30))
    ]


def test_no_actor_is_in_both_halves():
    all_faces = faces()
    half = choose_half(all_faces, seed=0)
    first = {face.group for face, chosen in zip(all_faces, half, strict=True) if chosen}
    second = {face.group for face, chosen in zip(all_faces, half, strict=True) if not chosen}
    assert first
    assert second
    assert not first & second


def test_both_halves_hold_as_many_reals():
    all_faces = faces()
    half = choose_half(all_faces, seed=0)
    reals = np.array([not face.fake for face in all_faces])
    assert abs(int((reals & half).sum()) - int((reals & ~half).sum())) <= 2


def test_a_seed_chooses_the_same_half_again():
    np.testing.assert_array_equal(choose_half(faces(), 1), choose_half(faces(), 1))


def test_few_actors_make_a_wide_interval():
    random = np.random.default_rng(0)
    fake = np.arange(400) % 2 == 0
    actors = np.repeat(np.arange(4), 100)
    scores = fake + random.normal(0, 0.5, 400) + np.array([0, 3, 0, 3])[actors] * fake
    few = auc_with_interval(scores, fake, [str(actor) for actor in actors], seed=0)
    many = auc_with_interval(scores, fake, [str(i) for i in range(400)], seed=0)
    width = [measured["interval"][1] - measured["interval"][0] for measured in (few, many)]
    assert width[0] > 2 * width[1]
    assert few["auc"] == many["auc"] == pytest.approx(0.96, abs=0.04)


def test_one_label_alone_has_no_interval():
    with pytest.raises(UserError, match="too few actors"):
        auc_with_interval(np.arange(4.0), np.ones(4, bool), list("aabb"), seed=0)
