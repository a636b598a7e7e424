"""The pointing game tells a map that points at the forged part from one that does not."""

import cv2
import numpy as np
import pytest

from ddaemon.stages.explanation.activation import grad_cam, grad_cam_plus_plus
from ddaemon.stages.faces import crop_square, face_square
from ddaemon.stages.media.video import Image
from ddaemon.training.evaluation.calibration import wilson_interval
from ddaemon.training.forgery.clips import portrait_landmarks, read_portrait
from ddaemon.training.forgery.forge import Floats32
from ddaemon.training.forgery.pointing import REGIONS, forge_region, inside, peak

SIZE, ROWS = 128, 16  # pixels of the crop, cells of the maps
SEEDS = range(6)


@pytest.fixture(scope="module")
def portrait() -> Image:
    return read_portrait()


@pytest.fixture(scope="module")
def landmarks(portrait: Image) -> Floats32:
    return portrait_landmarks(portrait)


def crop_of(image: Image, landmarks: Floats32) -> Image:
    return crop_square(image, face_square(landmarks, 1.10), SIZE)


def maps_of(crop: Image, plain: Image) -> Floats32:
    """Maps of a network that knows the unforged face: how far each cell is from it, and a channel
    of no meaning."""
    change = np.abs(crop.astype(np.float32) - plain).mean(axis=2)
    return np.stack([cv2.resize(m, (ROWS, ROWS), interpolation=cv2.INTER_AREA)
                     for m in (change, plain.mean(axis=2))], axis=2)  # fmt: skip


def games(portrait: Image, landmarks: Floats32) -> list[tuple[Floats32, np.ndarray]]:
    """Maps and the region of the evidence, for each region and seed."""
    played = []
    for region in REGIONS:
        for seed in SEEDS:
            rng = np.random.default_rng((seed, len(region)))
            forged, mask = forge_region(portrait, landmarks, region, rng)
            shown = np.repeat(np.round(255 * mask).astype(np.uint8)[..., None], 3, axis=2)
            seen = crop_of(shown, landmarks)[..., 0] / np.float32(255)
            maps = maps_of(crop_of(forged, landmarks), crop_of(portrait, landmarks))
            played.append((maps, inside(seen, SIZE // ROWS // 2)))
    return played


@pytest.mark.parametrize("method", [grad_cam, grad_cam_plus_plus])
def test_a_map_of_the_evidence_points_at_it(portrait, landmarks, method) -> None:
    gradient = np.array([1, 0], np.float32)
    played = games(portrait, landmarks)
    hits = [region[peak(method(maps, gradient), SIZE)] for maps, region in played]
    blind = np.mean([region.mean() for _, region in played])
    assert blind < 0.2
    assert wilson_interval(sum(hits), len(hits))[0] > 3 * blind
    assert np.mean(hits) > 0.9


def test_a_map_of_something_else_points_no_better_than_a_blind_guess(portrait, landmarks) -> None:
    rng = np.random.default_rng(0)
    played = games(portrait, landmarks)
    hits = [region[peak(rng.random((ROWS, ROWS), np.float32), SIZE)]
            for _, region in played for _ in range(20)]  # fmt: skip
    blind = np.mean([region.mean() for _, region in played])
    low, high = wilson_interval(sum(hits), len(hits))
    assert low < blind < high


@pytest.mark.parametrize("region", REGIONS)
def test_only_the_named_region_is_forged(portrait, landmarks, region) -> None:
    forged, mask = forge_region(portrait, landmarks, region, np.random.default_rng(1))
    changed = np.abs(forged.astype(int) - portrait).max(axis=2)
    assert changed[mask == 0].max() == 0
    assert changed[inside(mask)].mean() > 3 * changed[~inside(mask)].mean()
    centre = landmarks[list(REGIONS[region])].mean(axis=0).round().astype(int)
    assert inside(mask)[centre[1], centre[0]]
    assert 0.001 < inside(mask).mean() < 0.1


def test_the_regions_lie_where_their_names_say(landmarks: Floats32) -> None:
    x, y = {}, {}
    for region, points in REGIONS.items():
        x[region], y[region] = landmarks[list(points)].mean(axis=0)
    assert y["left eye"] < y["nose"] < y["mouth"]
    assert x["right eye"] < x["nose"] < x["left eye"]  # the person's right is on our left


def test_slack_grows_the_region_on_every_side() -> None:
    mask = np.zeros((40, 40), np.float32)
    mask[20, 20] = 1
    assert inside(mask).sum() == 1
    grown = inside(mask, 3)
    assert grown[20, 17] and grown[17, 20] and grown[23, 20] and not grown[20, 16]
