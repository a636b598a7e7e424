"""What fine-tuning shows its network side by side."""

from collections import Counter

import cv2
import numpy as np
import pytest

from ddaemon.stages.training.clips import read_portrait
from ddaemon.stages.training.datasets.rows import FAKE, IMAGE, REAL, TRAIN, Row
from ddaemon.stages.training.features.plan import make_plan
from ddaemon.stages.training.fitting.pairs import Faces, draw_pair
from ddaemon.stages.training.start import start_of_detector
from ddaemon.tests.unit.stages.networks.random_detector import publish_random

REALS = [Row(f"real/{number}.jpg", REAL, str(number)) for number in range(20)]
FAKES = [
    Row(f"fake/{number}.jpg", FAKE, str(number), pair=f"real/{number}.jpg") for number in range(20)
]
OWN = {row.path: row for row in REALS}


def pairs(blended, count=400):
    random = np.random.default_rng(0)
    return [draw_pair(random, FAKES, REALS, OWN, blended) for _ in range(count)]


def test_most_fakes_stand_beside_their_own_real_and_some_beside_another():
    beside = Counter(fake.pair == real.path for fake, real, _ in pairs(blended=0.0))
    assert 250 < beside[True] < 340
    assert not any(blend for *_, blend in pairs(blended=0.0))


def test_the_asked_share_is_blended_from_the_very_real_it_stands_beside():
    drawn = pairs(blended=0.25)
    blends = [(fake, real) for fake, real, blend in drawn if blend]
    assert 60 < len(blends) < 140
    assert all(fake is real for fake, real in blends)
    assert len({blend for *_, blend in drawn if blend}) == len(blends), "each blend is its own"


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    face = cv2.cvtColor(read_portrait()[48:192, 152:296], cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(root / "face.png"), cv2.resize(face, (160, 160)))
    start = start_of_detector(publish_random(root / "random"))
    plan = make_plan(root / "start", start.digest, start.preprocessing, 4, root / "cache")
    return Faces(root, plan), Row("face.png", REAL, "one", split=TRAIN, kind=IMAGE)


def difference(one, other):
    return np.abs(one.astype(int) - other.astype(int)).mean()


def test_both_of_a_pair_are_degraded_alike_so_that_only_the_forgery_tells_them_apart(faces):
    drawer, row = faces
    np.testing.assert_array_equal(drawer.draw(row, 5), drawer.draw(row, 5))
    forged = np.mean([difference(drawer.draw(row, s), drawer.draw(row, s, 9)) for s in range(20)])
    other = np.mean([difference(drawer.draw(row, s), drawer.draw(row, s + 50)) for s in range(20)])
    assert 0.3 < forged < other / 2
