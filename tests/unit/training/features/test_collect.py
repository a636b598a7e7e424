"""Files to vectors, by real worker processes with a small random backbone."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from ddaemon.stages.detection.facefinder import FaceFinder
from ddaemon.stages.envelope import MEASURES, measure_track
from ddaemon.stages.faces import FaceReader, crop_square, follow_faces
from ddaemon.stages.frames import FrameSample
from ddaemon.stages.networks.detector import load_detector
from ddaemon.stages.settings import FeaturesSettings
from ddaemon.storage.content import hash_file
from ddaemon.tests.clips import blank_clip, face_clip
from ddaemon.tests.unit.stages.networks.random_detector import publish_random
from ddaemon.training.datasets.rows import FAKE, IMAGE, REAL, TRAIN, UNUSED, Row
from ddaemon.training.features.collect import Job, compute, gather
from ddaemon.training.features.crops import load_crop, load_crops, read_crops
from ddaemon.training.features.initial_weights import (
    initial_weights_of_detector,
    save_initial_weights,
)
from ddaemon.training.features.plan import make_plan
from ddaemon.training.forgery.clips import read_portrait
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent

FRAMES = 6


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return publish_random(tmp_path_factory.mktemp("registry") / "random")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    face_clip(folder / "one.mp4")
    face_clip(folder / "two.mp4", faces=2)
    blank_clip(folder / "nobody.mp4")
    (folder / "broken.mp4").write_bytes(b"no video at all")
    portrait = cv2.cvtColor(read_portrait()[48:192, 152:296], cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(folder / "face.jpg"), portrait)
    return folder


@pytest.fixture
def plan(detector, tmp_path):
    start = initial_weights_of_detector(detector)
    save_initial_weights(start, tmp_path / "start")
    digest = start.digest
    return make_plan(tmp_path / "start", digest, start.preprocessing, FRAMES, tmp_path / "cache")


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def row(root, name, **more):
    more = {"label": REAL, "group": name, "split": TRAIN} | more
    if name.endswith(".jpg"):
        more["kind"] = IMAGE
    return Row(name, sha256=hash_file(root / name), **more)


def done(tmp_path):
    path = tmp_path / "journal.jsonl"
    return [json.loads(line)["unit"] for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_vectors_are_those_of_serving(root, plan, journal, detector, tmp_path):
    rows = [row(root, "two.mp4"), row(root, "one.mp4")]
    assert compute(rows, Job(root, plan, 2), "vectors", journal, silent) == {}
    collected = gather(rows, plan, {}, tmp_path / "gathered")
    assert collected.sequences.video.tolist() == [0, 0, 1]
    crops = read_crops(root, rows[1], plan)
    served = load_detector(detector, FeaturesSettings(device="cpu")).extract(crops.images)[0]
    np.testing.assert_allclose(collected.sequences[2], served, rtol=2e-3, atol=2e-3)


def test_each_person_is_measured_by_the_code_of_serving(root, plan, journal, tmp_path):
    rows = [row(root, "two.mp4"), row(root, "one.mp4"), row(root, "face.jpg")]
    compute(rows, Job(root, plan, 1), "vectors", journal, silent)
    collected = gather(rows, plan, {}, tmp_path / "gathered")
    assert collected.measures.shape == (4, len(MEASURES))
    frames = FrameSample(root / "one.mp4", plan.frames)
    reader = FaceReader(plan.faces, plan.preprocessing.crop.side, 1)
    (person,) = follow_faces(frames, reader, plan.preprocessing.size)
    served = [measure_track(person)[name] for name in MEASURES]
    np.testing.assert_allclose(collected.measures[2], served)


def test_a_face_image_says_nothing_of_width_in_videos_or_of_frames(root, plan):
    face = FaceFinder(480, 1).find(read_portrait(), 0.5)[0]
    side, middle = face.height / 0.8, (face.x + face.width / 2, face.y + face.height / 2)
    image = cv2.getRectSubPix(read_portrait()[..., ::-1], (round(side), round(side)), middle)
    cv2.imwrite(str(root / "close.jpg"), image)
    (measured,) = read_crops(root, row(root, "close.jpg"), plan).measures
    known = {name for name, value in zip(MEASURES, measured, strict=True) if np.isfinite(value)}
    assert known == {"brightness", "detail", "profile"}


def test_what_cannot_be_looked_at_is_left_out_with_its_reason(root, plan, journal, tmp_path):
    rows = [row(root, name) for name in ("nobody.mp4", "one.mp4", "broken.mp4")]
    lost = compute(rows, Job(root, plan, 2), "vectors", journal, silent)
    collected = gather(rows, plan, lost, tmp_path / "gathered")
    assert [found.path for found in collected.rows] == ["one.mp4"]
    assert "no_face" in collected.left_out["nobody.mp4"]
    assert "unsupported" in collected.left_out["broken.mp4"]


def test_nothing_is_computed_twice(root, plan, journal, tmp_path):
    rows = [row(root, name) for name in ("one.mp4", "broken.mp4", "face.jpg")]
    compute(rows, Job(root, plan, 1), "vectors", journal, silent)
    compute([*rows, row(root, "nobody.mp4")], Job(root, plan, 1), "vectors", journal, silent)
    assert sorted(done(tmp_path)) == ["broken.mp4", "face.jpg", "nobody.mp4", "one.mp4"]


def test_unused_rows_are_not_looked_at(root, plan, journal, tmp_path):
    rows = [row(root, "one.mp4"), row(root, "two.mp4", split=UNUSED)]
    compute(rows, Job(root, plan, 1), "vectors", journal, silent)
    assert done(tmp_path) == ["one.mp4"]


def test_another_crop_or_backbone_or_count_never_meets_old_vectors(plan):
    larger = plan.preprocessing.model_copy(update={"size": 96})
    others = [
        replace(plan, preprocessing=larger),
        replace(plan, backbone="another"),
        replace(plan, frames=plan.frames.model_copy(update={"count": 7})),
        replace(plan, faces=plan.faces.model_copy(update={"min_size": 99})),
    ]
    assert len({plan.digest, *(other.digest for other in others)}) == 5


def test_a_face_image_becomes_as_many_views_as_a_video_has_frames(root, plan):
    crops = read_crops(root, row(root, "face.jpg"), plan)
    assert crops.images.shape == (FRAMES, 64, 64, 3)
    assert len({image.tobytes() for image in crops.images}) > 1
    assert (read_crops(root, row(root, "face.jpg"), plan).images == crops.images).all()


def test_a_single_view_is_the_face_itself_as_serving_cuts_it(root, plan):
    crops = read_crops(root, row(root, "face.jpg"), replace(plan, views=1))
    image = cv2.cvtColor(cv2.imread(str(root / "face.jpg")), cv2.COLOR_BGR2RGB)
    reader = FaceReader(plan.faces, plan.preprocessing.crop.side, 1)
    [face] = reader.read(np.pad(image, ((60, 60), (60, 60), (0, 0)), "edge"))
    left, top, side = face.square
    served = crop_square(image, (left - 60, top - 60, side), plan.preprocessing.size)
    assert crops.images.shape == (1, 64, 64, 3)
    assert np.abs(crops.images[0].astype(int) - served.astype(int)).mean() < 6


@pytest.mark.parametrize("name", ["one.mp4", "face.jpg"])
def test_a_forged_row_differs_from_its_real_by_a_little(root, plan, name):
    real = read_crops(root, row(root, name), plan)
    fake = read_crops(root, row(root, name, label=FAKE, forge=7), plan)
    assert fake.images.shape == real.images.shape
    difference = np.abs(fake.images.astype(int) - real.images.astype(int)).mean()
    assert 0.3 < difference < 25


def test_kept_crops_are_the_same_to_the_bit(root, plan, journal):
    wanted = row(root, "two.mp4")
    job = Job(root, plan, 1, keep_crops=True)
    compute([wanted], job, "crops", journal, silent)
    kept, read = load_crops(plan.crops_file(wanted)), read_crops(root, wanted, plan)
    assert (kept.images == read.images).all()
    assert kept.lengths.tolist() == read.lengths.tolist()
    assert (kept.measures == read.measures).all()
    last = load_crop(plan.crops_file(wanted), 0.999)
    assert (last == read.images[read.lengths[0] - 1]).all()
    assert not plan.vectors_file(wanted).exists()


def test_frames_are_kept_on_request(root, plan, journal, tmp_path):
    job = Job(root, plan, 1, keep_frames=tmp_path / "frames")
    compute([row(root, "one.mp4")], Job(root, plan, 1), "vectors", journal, silent)
    compute([row(root, "one.mp4")], job, "vectors", journal, silent)
    names = sorted(path.name for path in (tmp_path / "frames" / "one.mp4").iterdir())
    assert names == [f"{number}.jpg" for number in range(FRAMES)]
