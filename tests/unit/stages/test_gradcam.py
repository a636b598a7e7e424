"""The heat lands where the evidence is, on the right face of the right frame."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from ddaemon.stages.base import Stage
from ddaemon.stages.explanation.blurring import blur_face
from ddaemon.stages.explanation.faithfulness import ORDERS, STEPS, Faithfulness
from ddaemon.stages.explanation.heatsheet import SHEET_WIDTH, Caption, draw_panel, overlay_heat
from ddaemon.stages.facts import (
    Box,
    FaceSample,
    FaceTrack,
    Judgement,
    TrackFeatures,
    TrackJudgement,
)
from ddaemon.stages.gradcam import GradCam, heat_picks, pick_frames, strongest_apart
from ddaemon.stages.media.video import Frame, Image
from ddaemon.stages.settings import StageSettings
from ddaemon.tests.stage_context import stage_context
from ddaemon.tests.unit.stages.evidence import StripeDetector, grey_face, with_evidence

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
    scores = np.linspace(0.5, 1, len(attention), dtype=np.float32)
    return TrackJudgement(number, 0.8, scores, np.array(attention, np.float32), gradient)


def run(work: Path, facts: Mapping[str, Any], **gradcam: Any) -> list[dict[str, Any]]:
    """The stage without its check, which asks a detector."""
    unchecked = stage_context(work, work, facts, gradcam={"check": False, **gradcam})
    return GradCam().run(unchecked)["heatmaps"]


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


def test_of_frames_attended_to_alike_those_with_the_highest_score_are_explained(
    tmp_path: Path,
) -> None:
    assert [entry["t"] for entry in run(tmp_path, facts_of((0.2,) * 5), count=2)] == [4.0, 2.0]


@pytest.mark.parametrize(
    ("weights", "picked"),
    [
        ((0.5, 0.9, 0.8, 0.7), (1, 3)),  # 2 is beside 1
        ((0.1, 0.9, 0.8, 0.1), (1, 2)),  # what else there is said little
        ((0.9, 0.8), (0, 1)),  # there is nothing else
        ((0.9, 0.7, 0.8, 0.6, 0.5), (0, 2)),
    ],
)
def test_neighbouring_frames_give_way_to_others_that_spoke_nearly_as_much(weights, picked) -> None:
    seen = {(0, place): weight for place, weight in enumerate(weights)}
    assert strongest_apart(seen, 2) == [(0, place) for place in picked]


def test_two_people_in_one_frame_are_no_neighbours() -> None:
    seen = {(0, 5): 0.9, (1, 5): 0.8, (1, 9): 0.7}
    assert strongest_apart(seen, 2) == [(0, 5), (1, 5)]


def test_a_high_score_without_attention_is_not_what_is_explained(tmp_path: Path) -> None:
    attention = (0.1, 0.8, 0.1, 0.0)  # the scores rise
    assert [entry["t"] for entry in run(tmp_path, facts_of(attention), count=2)] == [1.0, 2.0]


def test_the_frames_that_spoke_most_for_a_fake_come_first(tmp_path: Path) -> None:
    told = {"track": 0, "method": "gradcam", "faithfulness": None}
    files = ("heatmaps/01-gradcam.jpg", "heatmaps/01-frame.jpg",
             "heatmaps/02-gradcam.jpg", "heatmaps/02-frame.jpg")  # fmt: skip
    assert run(tmp_path, facts_of(), count=2) == [
        {"file": files[0], "frame_file": files[1], "t": 1.0, **told},
        {"file": files[2], "frame_file": files[3], "t": 2.0, **told},
    ]
    assert {f"heatmaps/{path.name}" for path in (tmp_path / "heatmaps").iterdir()} == set(files)


def test_only_the_chosen_frames_are_decoded_again_in_order_of_time(tmp_path: Path) -> None:
    frames = Grey()
    run(tmp_path, facts_of((0.1, 0.2, 0.3, 0.4), frames=frames), count=2)
    assert frames.asked == [2.0, 3.0]


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (3, 0), (2, 1)])
def test_the_heat_lands_where_the_evidence_is(tmp_path: Path, place: tuple[int, int]) -> None:
    box = (80, 40, 160, 160)
    run(tmp_path, facts_of(box=box, place=place))
    x, y = hottest(read(tmp_path / "heatmaps/01-gradcam.jpg"), box)
    assert abs(x - (place[1] + 0.5) / SIZE) < 0.12
    assert abs(y - (place[0] + 0.5) / SIZE) < 0.12


def test_outside_the_face_the_frame_is_untouched(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(80, 40, 160, 160)))
    image = read(tmp_path / "heatmaps/01-gradcam.jpg")
    assert np.abs(np.append(image[:, :70], image[:30].ravel()).astype(int) - 100).max() <= 2


@pytest.mark.parametrize(
    ("box", "place"), [((0, 40, 80, 160), (1, 3)), ((240, 40, 80, 160), (1, 0))]
)
def test_a_box_cut_by_the_frames_edge_shows_the_half_that_is_in_it(
    tmp_path: Path, box: Box, place: tuple[int, int]
) -> None:
    run(tmp_path, facts_of(box=box, place=place))
    seen = (place[1] + 0.5) / SIZE * 160 - (80 if box[0] == 0 else 0)
    x, _ = hottest(read(tmp_path / "heatmaps/01-gradcam.jpg"), box)
    assert abs(x * box[2] - seen) < 12


def test_no_heat_is_drawn_far_from_the_evidence(tmp_path: Path) -> None:
    box = (80, 40, 160, 160)
    run(tmp_path, facts_of(box=box, place=(0, 3)))
    image = read(tmp_path / "heatmaps/01-gradcam.jpg").astype(int)
    assert np.abs(image[130:190, 90:230] - 100).max() <= 2


def test_what_speaks_against_a_fake_is_not_drawn(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(80, 40, 160, 160), sign=-1.0))
    inside = read(tmp_path / "heatmaps/01-gradcam.jpg")[50:190, 90:230]
    assert (inside == 100).all()
    assert (tmp_path / "heatmap.png").exists()


def test_one_scale_holds_for_all_heatmaps_of_a_video() -> None:
    facts = facts_of((0.8, 0.2))
    facts["judgement"].tracks[0].gradient[1] *= 0.5
    context = stage_context(Path(), Path(), facts)
    heats = heat_picks(
        pick_frames(facts["faces"], facts["features"], facts["judgement"], 2), context
    )
    assert [float(of["gradcam"].max()) for of in heats] == pytest.approx([1.0, 0.5])


def test_each_person_gets_the_heat_of_their_own_track(tmp_path: Path) -> None:
    left, right = (10, 40, 120, 120), (190, 40, 120, 120)
    facts = {
        "frames": Grey(),
        "faces": [track_of(0, 1, left), track_of(1, 1, right)],
        "features": [features_of(0, 1, 0, 0), features_of(1, 1, 3, 3)],
        "judgement": Judgement("fake", None, 0.8, (judged_of(0, [0.4]), judged_of(1, [0.6]))),
    }
    assert [entry["track"] for entry in run(tmp_path, facts)] == [1, 0]
    first, second = (
        read(tmp_path / "heatmaps/01-gradcam.jpg"),
        read(tmp_path / "heatmaps/02-gradcam.jpg"),
    )
    assert min(hottest(first, right)) > 0.7
    assert max(hottest(second, left)) < 0.3


def test_the_sheet_holds_every_heatmap(tmp_path: Path) -> None:
    run(tmp_path, facts_of(), count=1)
    one = read(tmp_path / "heatmap.png")
    run(tmp_path, facts_of(), count=3)
    three = read(tmp_path / "heatmap.png")
    assert one.shape[1] == three.shape[1] == SHEET_WIDTH
    assert three.shape[0] - one.shape[0] == 2 * 372  # a row each


def test_a_sheet_is_there_even_when_no_heatmaps_are_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, facts_of(), count=0) == []
    assert read(tmp_path / "heatmap.png").shape[1] == SHEET_WIDTH


def test_a_published_frame_is_at_most_1280_pixels_long(tmp_path: Path) -> None:
    run(tmp_path, facts_of(box=(900, 300, 400, 400), frames=Grey(1080, 1920)), count=1)
    image = read(tmp_path / "heatmaps/01-gradcam.jpg")
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
    x, y = hottest(read(tmp_path / "heatmaps/01-gradcam.jpg"), box)
    assert x > 0.78 and y < 0.22


BOX = (80, 40, 160, 160)
CELLS = [(0, 3, 90), (1, 3, 60), (3, 0, 30)]


def real_facts(detector: StripeDetector, striped: Sequence[int] = (1, 2, 3)) -> dict[str, Any]:
    """What the stages before gave for frames with so many of `CELLS`, the last weighing most."""
    crops = [with_evidence(grey_face(), CELLS[:count]) for count in striped]
    count = len(crops)
    vectors, maps = detector.extract(np.stack(crops))
    output = detector.judge(vectors)
    attention = np.linspace(1, 2, count, dtype=np.float32)
    scores = detector.frame_scores(output.frame_logits)
    judged = TrackJudgement(0, detector.probability(output.logit), scores,
                            attention / attention.sum(), output.gradient)  # fmt: skip
    return {
        "frames": Grey(),
        "faces": [
            FaceTrack(0, tuple(FaceSample(i, float(i), BOX, c) for i, c in enumerate(crops)), count)
        ],
        "features": [TrackFeatures(0, vectors, maps)],
        "judgement": Judgement("fake", None, judged.probability, (judged,)),
    }


def run_checked(
    work: Path,
    detector: StripeDetector,
    facts: Mapping[str, Any],
    sha256: str = "1f",
    **gradcam: Any,
) -> list[dict[str, Any]]:
    context = stage_context(work, work, facts, detector=detector, gradcam=gradcam)
    subject = replace(context.subject, sha256=sha256)
    return GradCam().run(replace(context, subject=subject))["heatmaps"]


def test_a_map_that_shows_the_evidence_is_better_than_chance_and_says_so(tmp_path: Path) -> None:
    detector = StripeDetector()
    found = run_checked(tmp_path, detector, real_facts(detector), count=1)[0]["faithfulness"]
    assert found["better_than_chance"]
    assert found["deletion"] < found["random_deletion"] == found["random_insertion"]
    assert found["insertion"] > found["random_insertion"]
    assert found["text"].startswith("Better than chance")
    assert (read(tmp_path / "heatmaps/01-gradcam.jpg")[-12:, 250:] == 100).all()  # no remark


def test_a_map_that_shows_something_else_says_so_in_the_record_and_on_its_picture(
    tmp_path: Path,
) -> None:
    detector = StripeDetector()
    facts = real_facts(detector)
    facts["features"] = [
        replace(facts["features"][0], maps=facts["features"][0].maps[:, ::-1, ::-1])
    ]
    found = run_checked(tmp_path, detector, facts, count=1)[0]["faithfulness"]
    assert not found["better_than_chance"]
    assert found["text"].startswith("No better than chance")
    picture = read(tmp_path / "heatmaps/01-gradcam.jpg")
    assert picture[-8:].min() < 40 and picture[-14:].max() > 200  # white on a dark band
    sheet = read(tmp_path / "heatmap.png").astype(int)
    assert ((sheet[..., 0] - sheet[..., 1] > 120) & (sheet[..., 0] - sheet[..., 2] > 120))[
        130:170
    ].any()  # a remark in red above the pictures


def test_the_remark_does_not_cover_the_face() -> None:
    image = np.full((240, 320, 3), 100, np.uint8)
    failed = Faithfulness(0.5, 0.5, (0.5,))
    for box, dark in (((80, 0, 100, 100), slice(-8, None)), ((80, 140, 100, 100), slice(0, 8))):
        panel = draw_panel(image, image, box, Caption("Grad-CAM", "1.", False, failed))
        assert (panel.frame[dark, :5] == 20).all()


def test_the_same_content_gets_the_same_figures_and_another_other_random_orders(
    tmp_path: Path,
) -> None:
    detector = StripeDetector()
    one, again, other = (
        run_checked(tmp_path / name, detector, real_facts(detector), sha256=sha256)
        for name, sha256 in (("one", "ab" * 32), ("again", "ab" * 32), ("other", "cd" * 32))
    )
    assert one == again
    chance = [[entry["faithfulness"]["random_deletion"] for entry in run] for run in (one, other)]
    assert all(a != b for a, b in zip(*chance, strict=True))
    kept = [run[0]["faithfulness"]["deletion"] for run in (one, other)]
    assert kept[0] == pytest.approx(kept[1], abs=0.02)  # the map's own order is not drawn


def test_every_method_gets_its_own_picture_and_line(tmp_path: Path) -> None:
    detector = StripeDetector()
    methods = ["gradcam", "gradcam++", "occlusion"]
    found = run_checked(tmp_path, detector, real_facts(detector), count=2, methods=methods)
    assert [(Path(e["file"]).name, e["method"]) for e in found] == [
        (f"{number}-{file}.jpg", method)
        for number in ("01", "02")
        for file, method in zip(("gradcam", "gradcampp", "occlusion"), methods, strict=True)
    ]
    assert all((tmp_path / e["file"]).is_file() for e in found)
    assert len({e["frame_file"] for e in found}) == 2
    assert all(e["faithfulness"]["better_than_chance"] for e in found[:3])
    assert read(tmp_path / "heatmap.png").shape[0] == 112 + 6 * 372


def test_the_check_costs_the_passes_it_says_and_none_without_it(tmp_path: Path) -> None:
    detector = StripeDetector()
    facts, before = real_facts(detector), detector.passes
    run_checked(tmp_path, detector, facts, count=2, check=False)
    assert detector.passes == before
    run_checked(tmp_path, detector, facts, count=2)
    assert detector.passes - before == 2 * (2 + (ORDERS + 2) * (STEPS - 1))


def test_judged_is_the_persons_sequence_with_this_frames_face_exchanged(tmp_path: Path) -> None:
    detector = StripeDetector()
    facts = real_facts(detector, striped=(0, 0, 3))
    found = run_checked(tmp_path, detector, facts, count=1)[0]["faithfulness"]
    vectors = facts["features"][0].vectors.copy()
    vectors[2] = detector.extract(blur_face(facts["faces"][0].samples[2].crop)[None])[0]
    without = detector.probability(detector.judge(vectors).logit)
    assert without < found["deletion"] < found["insertion"] < facts["judgement"].probability


def test_the_plain_frame_lies_beside_its_heatmap_at_the_same_size(tmp_path: Path) -> None:
    frames = Grey(1080, 1920)
    entry = run(tmp_path, facts_of(box=(900, 300, 400, 400), frames=frames), count=1)[0]
    plain, heated = read(tmp_path / entry["frame_file"]), read(tmp_path / entry["file"])
    assert plain.shape == heated.shape == (720, 1280, 3)
    assert np.abs(plain.astype(int) - 100).max() <= 2  # neither heat nor outline


def test_a_method_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="twice"):
        StageSettings.model_validate({"gradcam": {"methods": ["gradcam", "gradcam"]}})
    with pytest.raises(ValidationError):
        StageSettings.model_validate({"gradcam": {"methods": []}})
