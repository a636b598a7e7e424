"""Near duplicates: found when a picture was encoded anew, and not where there is no picture."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from ddaemon.stages.media.encode import write_video
from ddaemon.tests.clips import face_clip, numbered_clip
from ddaemon.tests.shared import SHARED, needs_shared
from ddaemon.training.datasets.duplicates import NEAR_BITS, join, near_pairs
from ddaemon.training.datasets.fingerprint import difference_hash, fingerprint
from ddaemon.training.forgery.clips import read_portrait

BITS = 256


def flipped(bits: np.ndarray, count: int) -> str:
    changed = bits.copy()
    changed[:count] ^= 1
    return np.packbits(changed).tobytes().hex()


def test_hashes_are_near_up_to_the_limit_and_no_further() -> None:
    bits = np.random.default_rng(0).integers(0, 2, BITS).astype(np.uint8)
    looks = [flipped(bits, 0), flipped(bits, NEAR_BITS), flipped(bits, NEAR_BITS + 1)]
    assert near_pairs(looks) == [(0, 1), (1, 2)]


def test_a_videos_limit_is_the_mean_of_its_pictures() -> None:
    bits = np.random.default_rng(0).integers(0, 2, 3 * BITS).astype(np.uint8)
    looks = [flipped(bits, 0), flipped(bits, 3 * NEAR_BITS)]
    assert near_pairs(looks) == [(0, 1)]
    assert near_pairs([looks[0], flipped(bits, 3 * NEAR_BITS + 1)]) == []
    assert near_pairs([looks[0], looks[0][: BITS // 4]]) == []  # a video and an image


def test_every_pair_is_found_beyond_one_block() -> None:
    rng = np.random.default_rng(1)
    looks = [rng.bytes(BITS // 8).hex() for _ in range(600)]
    looks[590], looks[300], looks[599] = looks[3], looks[3], looks[598]
    assert near_pairs(looks) == [(3, 300), (3, 590), (300, 590), (598, 599)]


def test_a_picture_encoded_anew_looks_the_same() -> None:
    portrait = read_portrait()
    jpeg = cv2.imdecode(cv2.imencode(".jpg", portrait, [1, 40])[1], cv2.IMREAD_COLOR)
    small = cv2.resize(portrait, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mirrored = np.ascontiguousarray(portrait[:, ::-1])
    looks = [difference_hash(image).hex() for image in (portrait, jpeg, small, mirrored)]
    assert near_pairs(looks) == [(0, 1), (0, 2), (1, 2)]


def test_flat_pictures_are_like_nothing() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None] * 3, 64, 0).repeat(3, 2)
    looks = [difference_hash(image).hex() for image in (flat, flat, ramp, ramp)]
    assert near_pairs([*looks, "", ""]) == []


def test_a_video_encoded_anew_looks_the_same(tmp_path: Path) -> None:
    from ddaemon.stages.media.pyav import open_video

    face_clip(tmp_path / "a.mp4", count=30)
    with open_video(tmp_path / "a.mp4", max_pixels=10**8, max_seconds=100) as video:
        frames = [cv2.resize(frame.image, (160, 160)) for frame in video.sample(30)]
    write_video(tmp_path / "b.mp4", iter(frames))
    numbered_clip(tmp_path / "c.mp4", count=30)
    prints = [fingerprint(tmp_path, f"{name}.mp4", "video") for name in "abc"]
    assert near_pairs([measured.looks for measured in prints]) == [(0, 1)]


def test_what_is_linked_is_joined() -> None:
    assert join(6, [(4, 2), (0, 5), (2, 3)]) == [0, 1, 2, 2, 2, 0]


@needs_shared
@pytest.mark.slow
def test_no_two_actors_look_the_same() -> None:
    """What the limit was chosen on."""
    folder = SHARED / "data" / "dfdc-faces"
    with (folder / "faces.csv").open() as stream:
        rows = list(csv.DictReader(stream))[:6000]
    looks = [fingerprint(folder, f"{r['archive']}/{r['file']}", "image").looks for r in rows]
    pairs = near_pairs(looks)
    assert pairs
    assert all(rows[i]["group"] == rows[j]["group"] for i, j in pairs)
