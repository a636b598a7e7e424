"""The timeline says what the record says."""

from importlib.resources import files

import numpy as np
import pytest

from ddaemon.stages.reporting.drawing import COLOURS, SHARPNESS, Area, Dot, Label, Path, paint
from ddaemon.stages.reporting.timeline import MOST_POINTS, NARROW, WIDE, draw_timeline, looks_of
from ddaemon.tests.records import face_of, fake_record, record_of


def shapes(record, width=WIDE, **how):
    drawing = draw_timeline(record, width, **how)
    assert drawing is not None
    return drawing.shapes


def of_kind(found, form, kind):
    return [shape for shape in found if isinstance(shape, form) and shape.kind == kind]


def test_each_person_has_a_panel_and_nobody_has_none() -> None:
    titles = of_kind(shapes(fake_record()), Label, "title")
    assert [title.text[:8] for title in titles] == ["Person 0", "Person 1"]
    assert draw_timeline(record_of("not_analysable", None)) is None


def test_a_higher_score_is_drawn_higher_and_a_later_one_further_right() -> None:
    found = shapes(record_of("fake", 0.9, [face_of(0, [0.2, 0.9, 0.5])]))
    (line,) = of_kind(found, Path, "score")
    assert [x for x, _ in line.points] == sorted(x for x, _ in line.points)
    ys = [y for _, y in line.points]
    assert ys[1] < ys[2] < ys[0]


def test_the_line_breaks_where_the_person_was_not_seen() -> None:
    assert len(of_kind(shapes(fake_record()), Path, "score")) == 3


def test_both_thresholds_are_drawn_and_named_and_the_band_lies_between() -> None:
    for width in (WIDE, NARROW):
        found = shapes(record_of("fake", 0.9, [face_of(0, [0.9] * 4)]), width)
        (band,) = of_kind(found, Area, "band")
        (fake,), (real,) = (of_kind(found, Path, kind) for kind in ("fake", "real"))
        assert band.y == pytest.approx(fake.points[0][1])
        assert band.y + band.height == pytest.approx(real.points[0][1])
        texts = {shape.text for shape in found if isinstance(shape, Label)}
        assert {"fake from 0.78", "real up to 0.28"} <= texts


def test_the_frame_that_weighed_more_is_shaded_darker() -> None:
    record = record_of("fake", 0.9, [face_of(0, [0.9] * 3)])
    for frame, attention in zip(record["faces"][0]["frames"], (0.2, 0.7, 0.1), strict=True):
        frame["attention"] = attention
    strip = of_kind(shapes(record), Area, "attention")
    assert strip[1].opacity > strip[0].opacity > strip[2].opacity > 0


def test_frames_with_a_heatmap_are_ringed() -> None:
    record = fake_record()
    rings = of_kind(shapes(record), Dot, "ring")
    assert len(rings) == len(record["heatmaps"])


def test_very_many_frames_are_drawn_as_fewer_and_no_peak_is_lost() -> None:
    scores = [0.1] * 5000
    scores[777] = 0.99
    face = face_of(0, scores, 0.04)
    looks = looks_of(face, [{"t": face["frames"][3]["t"], "track": 0}])
    assert len(looks) <= MOST_POINTS
    assert max(look.score for look in looks) == 0.99
    assert sum(look.attention for look in looks) == pytest.approx(1)
    assert [look.picked for look in looks].count(True) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_person_seen_once_or_twice_is_drawn_too(count) -> None:
    assert paint(draw_timeline(record_of("fake", 0.9, [face_of(0, [0.9] * 4)]))).any()
    record = fake_record()
    record["faces"][0]["frames"] = record["faces"][0]["frames"][:count]
    record["input"]["container"] = None
    assert of_kind(shapes(record), Dot, "dot")


def test_the_picture_shows_the_same_shapes() -> None:
    drawing = draw_timeline(fake_record(), legend=True)
    image = paint(drawing)
    assert image.shape == (drawing.height * SHARPNESS, drawing.width * SHARPNESS, 3)
    for ring in of_kind(drawing.shapes, Dot, "ring"):
        x, y = round((ring.x + ring.radius) * SHARPNESS), round(ring.y * SHARPNESS)
        near = image[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
        assert np.abs(near - COLOURS["ring"]).sum(axis=1).min() < 20


def test_every_kind_of_shape_has_a_colour_in_both_drawings() -> None:
    css = (files("ddaemon.stages.reporting") / "report.css").read_text()
    for shape in shapes(fake_record(), legend=True):
        assert shape.kind in COLOURS
        if not isinstance(shape, Label):
            assert f".s-{shape.kind}" in css
