import zipfile

import cv2
import numpy as np
import pytest

from ddaemon.stages.training import feature_cache
from ddaemon.stages.training.faces_dataset import FaceImages, read_index
from ddaemon.stages.training.feature_cache import CachePlan, cached_features
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.stages.networks.random_detector import draft

COUNT = 37
PLAN = CachePlan("digest", draft("any").preprocessing, views=2, width=3, seed=0)


class MeanColour:
    """A backbone whose vector is the mean colour; it counts what it was given."""

    engine = "counting"

    def __init__(self, breaks_after=None):
        self.seen, self.breaks_after = 0, breaks_after

    def run(self, crops):
        self.seen += len(crops)
        if self.breaks_after is not None and self.seen > self.breaks_after:
            raise RuntimeError("the power went out")
        return crops.mean(axis=(1, 2)), None


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    rows = ["archive,file,label,group,pair,split,face_width_px"]
    with zipfile.ZipFile(folder / "faces-0.zip", "w") as archive:
        for number in range(COUNT):
            image = np.full((160, 160, 3), 5 * number, np.uint8)
            archive.writestr(f"{number}.jpg", cv2.imencode(".jpg", image)[1].tobytes())
            label = "fake" if number % 2 else "real"
            rows.append(f"faces-0.zip,{number}.jpg,{label},{number % 5},p,train,100")
    (folder / "faces.csv").write_text("\n".join(rows))
    return folder


def compute(data, cache, backbone, faces=None):
    faces = read_index(data) if faces is None else faces
    return cached_features(faces, FaceImages(data), backbone, PLAN, cache, lambda *_: None)


def test_features_have_a_row_a_face_and_a_vector_a_view(data, tmp_path):
    features = compute(data, tmp_path, MeanColour())
    assert (features.shape, features.dtype) == ((COUNT, 2, 3), np.float16)
    brightness = np.median(features, axis=(1, 2))
    assert np.corrcoef(brightness, np.arange(COUNT))[0, 1] > 0.8


def test_what_was_computed_is_not_computed_again(data, tmp_path):
    before = np.array(compute(data, tmp_path, MeanColour()))
    again = MeanColour()
    np.testing.assert_array_equal(compute(data, tmp_path, again), before)
    assert again.seen == 0


def test_a_broken_run_goes_on_where_it_was(data, tmp_path):
    with pytest.raises(RuntimeError):
        compute(data, tmp_path / "broken", MeanColour(breaks_after=2 * feature_cache.CHUNK))
    rest = MeanColour()
    features = compute(data, tmp_path / "broken", rest)
    assert rest.seen == 2 * (COUNT - feature_cache.CHUNK)
    np.testing.assert_array_equal(features, compute(data, tmp_path / "whole", MeanColour()))


def test_a_face_has_the_same_views_wherever_it_stands(data, tmp_path):
    faces = read_index(data)
    forwards = np.array(compute(data, tmp_path, MeanColour(), faces))
    backwards = compute(data, tmp_path, MeanColour(), faces[::-1])
    np.testing.assert_array_equal(backwards[::-1], forwards)


def test_the_index_says_what_is_fake(data):
    faces = read_index(data)
    assert [face.fake for face in faces[:3]] == [False, True, False]
    assert faces[7].group == "2"


def test_a_folder_without_an_index_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"faces\.csv"):
        read_index(tmp_path)
