"""What fine-tuning shows its network side by side."""

from collections import Counter

import cv2
import numpy as np
import pytest

from ddaemon.tests.unit.stages.networks.random_detector import publish_random
from ddaemon.training.datasets.rows import FAKE, IMAGE, REAL, TRAIN, Row
from ddaemon.training.features.initial_weights import initial_weights_of_detector
from ddaemon.training.features.plan import make_plan
from ddaemon.training.fitting import pairs as pairs_module
from ddaemon.training.fitting.pairs import DONORS, CropSource, draw_pair
from ddaemon.training.forgery.clips import read_portrait
from ddaemon.training.run.recipe import FinetuneSettings

REALS = [Row(f"real/{number}.jpg", REAL, str(number)) for number in range(20)]
FAKES = [
    Row(f"fake/{number}.jpg", FAKE, str(number), pair=f"real/{number}.jpg") for number in range(20)
]
OWN = {row.path: row for row in REALS}


def pairs(blended, crossed=0.0, count=400):
    random, settings = np.random.default_rng(0), FinetuneSettings(blended=blended, crossed=crossed)
    return [draw_pair(random, FAKES, REALS, OWN, settings) for _ in range(count)]


def test_most_fakes_stand_beside_their_own_real_and_some_beside_another():
    drawn = pairs(blended=0.0)
    beside = Counter(pair.fake.pair == pair.real.path for pair in drawn)
    assert 250 < beside[True] < 340
    assert not any(pair.forgery or pair.donors for pair in drawn)


def test_the_asked_share_is_blended_from_the_very_real_it_stands_beside():
    drawn = pairs(blended=0.25)
    made = [pair for pair in drawn if pair.forgery]
    assert 60 < len(made) < 140
    assert all(pair.fake is pair.real and not pair.donors for pair in made)
    assert len({pair.forgery for pair in made}) == len(made), "each forgery is its own"


def test_of_what_is_blended_the_asked_share_gets_the_face_of_one_of_several_reals():
    drawn = pairs(blended=0.5, crossed=0.5)
    crossed = [pair for pair in drawn if pair.donors]
    assert 60 < len(crossed) < 140 and 160 < sum(pair.forgery > 0 for pair in drawn) < 240
    assert all(pair.fake is pair.real and pair.forgery for pair in crossed)
    assert all(len(pair.donors) == DONORS and set(pair.donors) <= set(REALS) for pair in crossed)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    face = cv2.cvtColor(read_portrait()[48:192, 152:296], cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(root / "face.png"), cv2.resize(face, (160, 160)))
    start = initial_weights_of_detector(publish_random(root / "random"))
    plan = make_plan(root / "start", start.digest, start.preprocessing, 4, root / "cache")
    return CropSource(root, plan), Row("face.png", REAL, "one", split=TRAIN, kind=IMAGE)


def test_the_donor_is_the_one_whose_head_is_held_most_alike(faces, monkeypatch):
    drawer, row = faces
    face = drawer._face(row, 0)
    darker = (face * 0.8).astype(np.uint8)
    bent = np.concatenate([face[:90], cv2.resize(face[90:150], (160, 70))])  # a longer chin
    chosen = []
    monkeypatch.setattr(pairs_module, "cross", lambda *given: chosen.append(given[2]) or given[0])
    for donors in ([darker, bent], [bent, darker]):
        drawer._crossed(face, donors, 1)
    assert all(donor is darker for donor in chosen) and len(chosen) == 2


def test_a_crossed_face_differs_more_from_the_real_than_a_self_blended_one(faces):
    drawer, row = faces
    mirrored = Row("mirrored.png", REAL, "two", split=TRAIN, kind=IMAGE)
    image = cv2.imread(str(drawer._root / "face.png"))
    cv2.imwrite(str(drawer._root / "mirrored.png"), np.ascontiguousarray(image[:, ::-1]))
    plain = [drawer.draw(row, s) for s in range(12)]
    blended = [difference(drawer.draw(row, s, 9), plain[s]) for s in range(12)]
    crossed = [difference(drawer.draw(row, s, 9, [mirrored]), plain[s]) for s in range(12)]
    assert np.mean(crossed) > 1.2 * np.mean(blended)


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int)).mean()


def test_both_of_a_pair_are_degraded_alike_so_that_only_the_forgery_tells_them_apart(faces):
    drawer, row = faces
    np.testing.assert_array_equal(drawer.draw(row, 5), drawer.draw(row, 5))
    forged = np.mean([difference(drawer.draw(row, s), drawer.draw(row, s, 9)) for s in range(20)])
    other = np.mean([difference(drawer.draw(row, s), drawer.draw(row, s + 50)) for s in range(20)])
    assert 0.3 < forged < other / 2
