"""The heat lands where the evidence is, on the right face of the right frame."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ddaemon.stages.base import Stage
from ddaemon.stages.facts import (
    Box,
    FaceSample,
    FaceTrack,
    Judgement,
    TrackFeatures,
    TrackJudgement,
)
from ddaemon.stages.gradcam import GradCam, class_activation, pick_frames
from ddaemon.stages.heatsheet import SHEET_WIDTH, overlay_heat
from ddaemon.stages.media.base import Frame, Image
from ddaemon.tests.stage_context import stage_context

WIDTH = 8  # of the feature vectors
SIZE = 4  # rows and columns of the maps
SPEAKS = 3  # the feature that the head takes for a sign of a fake


class Grey:
    """Frames of plain grey that remember which of them were asked for."""

    def __init__(self, height: int = 240, width: int = 320) -> None:
        self.shape = (height, width, 3)
        self.asked: list[float] = []

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        self.asked += times
        for index, t in enumerate(times):
            yield Frame(index, t, np.full(self.shape, 100, np.uint8))


def track_of(number: int, count: int, box: Box) -> FaceTrack:
    crop = np.zeros((8, 8, 3), np.uint8)
    samples = tuple(FaceSample(i, float(i), box, crop) for i in range(count))
    return FaceTrack(number, samples, count)


def features_of(number: int, count: int, row: int, column: int) -> TrackFeatures:
    """Maps in which the telling feature lights up at one place only."""
    maps = np.zeros((count, SIZE, SIZE, WIDTH), np.float16)
    maps[:, row, column, SPEAKS] = 1
    return TrackFeatures(number, maps.mean(axis=(1, 2), dtype=np.float32), maps)


def judged_of(number: int, attention: Sequence[float], sign: float = 1.0) -> TrackJudgement:
    gradient = np.zeros((len(attention), WIDTH), np.float32)
    gradient[:, SPEAKS] = sign
    scores = np.linspace(0, 1, len(attention), dtype=np.float32)
    return TrackJudgement(number, 0.8, scores, np.array(attention, np.float32), gradient)


def run(work: Path, facts: Mapping[str, Any], **gradcam: float) -> list[dict[str, Any]]:
    return GradCam().run(stage_context(work, work, facts, gradcam=gradcam))["heatmaps"]


def facts_of(
    attention: Sequence[float] = (0.1, 0.6, 0.3),
    box: Box = (80, 40, 160, 160),
    place: tuple[int, int] = (0, 3),
    sign: float = 1.0,
    frames: Grey | None = None,
) -> dict[str, Any]:
    count = len(attention)
    judgement = Judgement("fake", None, 0.8, (judged_of(0, attention, sign),))
    return {
        "frames": frames or Grey(),
        "faces": [track_of(0, count, box)],
        "features": [features_of(0, count, *place)],
        "judgement": judgement,
    }


def read(path: Path) -> Image:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def hottest(image: Image, box: Box) -> tuple[float, float]:
    """Middle of the hottest fiftieth within a box, as parts of its width and height.

    Jet's upper half has no blue, and the hotter, the less of the grey shows through.
    """
    x, y, width, height = box
    part = image[y + 6 : y + height - 6, x + 6 : x + width - 6].astype(int)
    blue = part[..., 2]
    rows, columns = np.nonzero(blue <= np.quantile(blue, 0.02))
    return (columns.mean() + 6) / width, (rows.mean() + 6) / height


def test_it_keeps_the_stage_protocol() -> None:
    assert isinstance(GradCam(), Stage)


def test_the_map_is_the_gradient_weighted_sum_cut_at_zero() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 5, 3)).astype(np.float32)
    gradient = rng.normal(size=3).astype(np.float32)
    slow = np.array([[max(0, sum(maps[r, c] * gradient) / 10) for c in range(5)] for r in range(2)])
    assert np.allclose(class_activation(maps, gradient), slow, atol=1e-6)


def test_it_equals_the_derivative_of_the_logit_through_the_pooling() -> None:
    rng = np.random.default_rng(1)
    maps, weights = rng.normal(size=(3, 3, 4)), rng.normal(size=4)

    def logit(m: np.ndarray) -> float:
        return float(np.tanh(m.mean(axis=(0, 1)) @ weights))

    step = 1e-6
    numeric = np.zeros_like(maps)
    for place in np.ndindex(maps.shape):
        moved = maps.copy()
        moved[place] += step
        numeric[place] = (logit(moved) - logit(maps)) / step
    alpha = numeric.mean(axis=(0, 1))  # as the paper has it
    vector_gradient = (1 - logit(maps) ** 2) * weights
    expected = np.maximum(maps @ alpha, 0)
    found = class_activation(maps.astype(np.float32), vector_gradient.astype(np.float32))
    assert np.allclose(found, expected, atol=1e-4)


def test_the_frames_with_most_attention_come_first(tmp_path: Path) -> None:
    assert run(tmp_path, facts_of(), count=2) == [
        {"file": "heatmaps/01.png", "t": 1.0, "track": 0},
        {"file": "heatmaps/02.png", "t": 2.0, "track": 0},
    ]
    assert sorted(path.name for path in (tmp_path / "heatmaps").iterdir()) == ["01.png", "02.png"]


def test_only_the_chosen_frames_are_decoded_again_in_order_of_time(tmp_path: Path) -> None:
    frames = Grey()
    run(tmp_path, facts_of((0.1, 0.2, 0.3, 0.4), frames=frames), count=2)
    assert frames.asked == [2.0, 3.0]


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (3, 0), (2, 1)])
def test_the_heat_lands_where_the_evidence_is(tmp_path: Path, place: tuple[int, int]) -> None:
    box = (80, 40, 160, 160)
    run(tmp_path, facts_of(box=box, place=place))
    x, y = hottest(read(tmp_path / "heatmaps/01.png"), box)
    assert abs(x - (place[1] + 0.5) / SIZE) < 0.12
    assert abs(y - (place[0] + 0.5) / SIZE) < 0.12


def test_outside_the_face_the_frame_is_untouched(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(80, 40, 160, 160)))
    image = read(tmp_path / "heatmaps/01.png")
    assert (image[:, :70] == 100).all() and (image[:30] == 100).all()


@pytest.mark.parametrize(
    ("box", "place"), [((0, 40, 80, 160), (1, 3)), ((240, 40, 80, 160), (1, 0))]
)
def test_a_box_cut_by_the_frames_edge_shows_the_half_that_is_in_it(
    tmp_path: Path, box: Box, place: tuple[int, int]
) -> None:
    run(tmp_path, facts_of(box=box, place=place))
    seen = (place[1] + 0.5) / SIZE * 160 - (80 if box[0] == 0 else 0)
    x, _ = hottest(read(tmp_path / "heatmaps/01.png"), box)
    assert abs(x * box[2] - seen) < 12


def test_no_heat_is_drawn_far_from_the_evidence(tmp_path: Path) -> None:
    box = (80, 40, 160, 160)
    run(tmp_path, facts_of(box=box, place=(0, 3)))
    image = read(tmp_path / "heatmaps/01.png").astype(int)
    assert np.abs(image[130:190, 90:230] - 100).max() <= 2


def test_what_speaks_against_a_fake_is_not_drawn(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(80, 40, 160, 160), sign=-1.0))
    inside = read(tmp_path / "heatmaps/01.png")[50:190, 90:230]
    assert (inside == 100).all()
    assert (tmp_path / "heatmap.png").exists()


def test_one_scale_holds_for_all_heatmaps_of_a_video() -> None:
    facts = facts_of((0.6, 0.4))
    facts["judgement"].tracks[0].gradient[1] *= 0.5
    picks = pick_frames(facts["faces"], facts["features"], facts["judgement"], 2)
    assert [float(pick.heat.max()) for pick in picks] == pytest.approx([1.0, 0.5])


def test_each_person_gets_the_heat_of_their_own_track(tmp_path: Path) -> None:
    left, right = (10, 40, 120, 120), (190, 40, 120, 120)
    facts = {
        "frames": Grey(),
        "faces": [track_of(0, 1, left), track_of(1, 1, right)],
        "features": [features_of(0, 1, 0, 0), features_of(1, 1, 3, 3)],
        "judgement": Judgement("fake", None, 0.8, (judged_of(0, [0.4]), judged_of(1, [0.6]))),
    }
    assert [entry["track"] for entry in run(tmp_path, facts)] == [1, 0]
    first, second = read(tmp_path / "heatmaps/01.png"), read(tmp_path / "heatmaps/02.png")
    assert min(hottest(first, right)) > 0.7
    assert max(hottest(second, left)) < 0.3


def test_the_sheet_holds_every_heatmap(tmp_path: Path) -> None:
    run(tmp_path, facts_of(), count=1)
    one = read(tmp_path / "heatmap.png")
    run(tmp_path, facts_of(), count=3)
    three = read(tmp_path / "heatmap.png")
    assert one.shape[1] == three.shape[1] == SHEET_WIDTH
    assert three.shape[0] - one.shape[0] == 2 * 350  # a row each


def test_a_sheet_is_there_even_when_no_heatmaps_are_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, facts_of(), count=0) == []
    assert read(tmp_path / "heatmap.png").shape[1] == SHEET_WIDTH


def test_a_published_frame_is_at_most_1280_pixels_long(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(900, 300, 400, 400), frames=Grey(1080, 1920)), count=1)
    image = read(tmp_path / "heatmaps/01.png")
    assert image.shape == (720, 1280, 3)
    x, y = hottest(image, (600, 200, 267, 267))
    assert x > 0.7 and y < 0.3


def test_opacity_bounds_how_much_of_the_picture_is_hidden() -> None:
    image = np.full((80, 80, 3), 100, np.uint8)
    heat = np.ones((4, 4), np.float32)
    faint = overlay_heat(image, heat, (0, 0, 80, 80), 0.2)
    strong = overlay_heat(image, heat, (0, 0, 80, 80), 1.0)
    assert np.abs(faint.astype(int) - 100).max() <= 0.2 * 155 + 1
    assert strong[40, 40, 0] > 120 and strong[40, 40, 2] == 0  # jet's top: dark red


def test_a_whole_frame_is_heated_over_its_whole_width(tmp_path: Path) -> None:
    box = (0, 0, 320, 240)
    run(tmp_path, facts_of(box=box, place=(0, 3)))
    x, y = hottest(read(tmp_path / "heatmaps/01.png"), box)
    assert x > 0.78 and y < 0.22
