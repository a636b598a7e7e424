"""Forgeries: of the face, by one recipe a clip, the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest

from ddaemon.stages.media.pyav import open_video
from ddaemon.stages.media.video import Image
from ddaemon.stages.shipped import data_file
from ddaemon.training.forgery.clips import demo_frames, portrait_landmarks, read_portrait
from ddaemon.training.forgery.forge import (
    Floats32,
    alter,
    blend,
    cross,
    draw_recipe,
    face_mask,
    forge,
    forge_frames,
    misfit,
)

CHEEK = (128, 200)  # row and column of skin in the portrait
CORNER = (480, 40)


@pytest.fixture(scope="module")
def portrait() -> Image:
    return read_portrait()


@pytest.fixture(scope="module")
def landmarks(portrait: Image) -> Floats32:
    return portrait_landmarks(portrait)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def difference(one: Image, other: Image) -> np.ndarray:
    return np.abs(one.astype(int) - other.astype(int)).max(axis=2)


def test_the_same_seed_gives_the_same_forgery(portrait: Image, landmarks: Floats32) -> None:
    one, other = (forge(portrait, landmarks, rng(5)) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, forge(portrait, landmarks, rng(6)))


@pytest.mark.parametrize("seed", range(6))
def test_a_forgery_has_the_shape_of_its_original_and_differs(
    portrait: Image, landmarks: Floats32, seed: int
) -> None:
    forged = forge(portrait, landmarks, rng(seed))
    assert forged.shape == portrait.shape and forged.dtype == np.uint8
    assert difference(forged, portrait).mean() > 0.1


def test_altering_the_face_leaves_the_surroundings_alone(
    portrait: Image, landmarks: Floats32
) -> None:
    recipe = replace(draw_recipe(rng(0)), alters_face=True, colour=np.float32([14, -14, 14]))
    changed = difference(blend(portrait, landmarks, recipe), portrait)
    assert changed[CHEEK] > 5
    assert changed[CORNER] == 0


def test_altering_the_surroundings_leaves_the_faces_middle_alone(
    portrait: Image, landmarks: Floats32
) -> None:
    still = {"ratio": 1.0, "move": (0.0, 0.0), "zoom": 1.0, "turn": 0.0}
    recipe = replace(
        draw_recipe(rng(0)), alters_face=False, colour=np.float32([14, -14, 14]), **still
    )
    changed = difference(blend(portrait, landmarks, recipe), portrait)
    assert changed[CHEEK] <= 2
    assert changed[CORNER] > 5


def test_the_mask_is_soft_and_lies_on_the_face(landmarks: Floats32) -> None:
    mask = face_mask((512, 512), landmarks, draw_recipe(rng(1)))
    assert mask[CHEEK] > 0.9 and mask[CORNER] == 0
    assert ((mask > 0.1) & (mask < 0.9)).sum() > 500  # pixels of a soft edge
    assert mask.min() >= 0 and mask.max() <= 1.0001


def test_a_given_mask_stands_in_for_the_faces(portrait: Image, landmarks: Floats32) -> None:
    recipe = replace(draw_recipe(rng(0)), alters_face=True, ratio=1.0)
    mask = np.zeros(portrait.shape[:2], np.float32)
    mask[100:120, 200:240] = 1
    changed = difference(blend(portrait, landmarks, recipe, mask), portrait) > 0
    assert changed[mask == 1].mean() > 0.5
    assert not changed[mask == 0].any()


def test_the_masks_outline_changes_with_the_seed(landmarks: Floats32) -> None:
    one, other = (face_mask((512, 512), landmarks, draw_recipe(rng(s))) > 0.5 for s in (1, 2))
    assert 100 < (one != other).sum() < 0.5 * one.sum()


def test_a_shrunken_side_has_lost_its_detail(portrait: Image) -> None:
    plain = replace(draw_recipe(rng(0)), sharpen=0.0, shrink=1.0)
    sharp, coarse = alter(portrait, plain), alter(portrait, replace(plain, shrink=0.3))
    detail = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in (sharp, coarse)]
    assert detail[1] < 0.7 * detail[0]


def test_a_clip_keeps_one_recipe(portrait: Image, landmarks: Floats32) -> None:
    clip = list(forge_frames([(portrait, landmarks)] * 3, rng(3)))
    assert np.array_equal(clip[0], clip[2])
    assert np.array_equal(clip[0], forge(portrait, landmarks, rng(3)))


def test_a_face_at_the_edge_can_be_forged(portrait: Image, landmarks: Floats32) -> None:
    cut = np.ascontiguousarray(portrait[80:, 200:])
    forged = forge(cut, landmarks - np.float32([200, 80]), rng(4))
    assert forged.shape == cut.shape


@pytest.mark.parametrize("seed", range(4))
def test_a_crossed_face_is_the_donors_in_its_own_colours_and_all_around_is_left(
    portrait: Image, landmarks: Floats32, seed: int
) -> None:
    donor = np.ascontiguousarray(255 - portrait[:, ::-1])  # a negative, mirrored: nobody alike
    points = (landmarks * [-1, 1] + [portrait.shape[1] - 1, 0]).astype(np.float32)
    crossed = cross(portrait, landmarks, donor, points, rng(seed))
    assert np.array_equal(crossed, cross(portrait, landmarks, donor, points, rng(seed)))
    changed = difference(crossed, portrait)
    assert changed[CORNER] == 0
    mask = face_mask(portrait.shape[:2], landmarks, draw_recipe(rng(seed))) > 0.9
    assert changed[mask].mean() > 15
    own, theirs = portrait[mask].mean(axis=0), crossed[mask].mean(axis=0)
    assert np.abs(own - theirs).max() < np.abs(own - donor[mask].mean(axis=0)).max() / 2


def test_landmarks_fit_if_an_affine_map_lays_them_over_each_other(landmarks: Floats32) -> None:
    tilted = landmarks @ np.float32([[0.9, 0.3], [-0.3, 0.9]]) + np.float32([20, 5])
    assert misfit(landmarks, tilted) == pytest.approx(0, abs=1e-4)
    open_mouth = landmarks.copy()
    open_mouth[landmarks[:, 1] > np.median(landmarks[:, 1])] += np.float32([0, 30])
    assert misfit(landmarks, open_mouth) > 0.01


def test_a_face_beside_the_picture_is_left_as_it_was(portrait: Image, landmarks: Floats32) -> None:
    corner = np.ascontiguousarray(portrait[:40, :40])
    assert np.array_equal(cross(corner, landmarks, portrait, landmarks, rng(1)), corner)


def test_the_demo_is_made_the_same_each_time_and_moves() -> None:
    one, other = (list(demo_frames(3, forged=True)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert difference(one[0], one[2]).mean() > 1


def test_the_two_demos_differ_in_the_face_alone() -> None:
    real, forged = (next(demo_frames(1, forged=kind)) for kind in (False, True))
    changed = difference(real, forged)
    assert changed.max() > 20
    assert changed[400:].max() == 0  # the space suit


@pytest.mark.parametrize("name", ["demo-real.mp4", "demo-forged.mp4"])
def test_the_shipped_demo_clips_are_small_and_whole(name: str) -> None:
    with open_video(data_file(name), max_pixels=1 << 20, max_seconds=60) as video:
        facts = video.facts
    assert (facts.width, facts.height, facts.duration_s, facts.codec) == (512, 512, 3.0, "h264")
    assert data_file(name).stat().st_size <= 250_000
