import json
import struct
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from ddaemon.storage.detector_record import BoundsRecord, EnvelopeRecord
from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.training.evaluation.made_judgements import made
from ddaemon.training.datasets.rows import Row
from ddaemon.training.evaluation.evaluation_report import write_report
from ddaemon.training.evaluation.material import ReportMaterial

HOSTILE = "<script>alert(1)</script>.mp4"
START = {
    "epoch": 0,
    "loss": None,
    "accuracy": None,
    "val_loss": 0.8,
    "val_accuracy": 0.5,
    "val_auc": 0.5,
}
CURVES = [START] + [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "accuracy": 0.5 + epoch / 20,
        "val_loss": 0.7,
        "val_accuracy": 0.6,
        "val_auc": [0.6, 0.8, 0.7][epoch - 1],
    }
    for epoch in (1, 2, 3)
]
FULL = ReportMaterial(
    title="A run on $drawn$ numbers",
    made_by="ddaemon train drawn",
    judged=[made(videos=120, left_out={HOSTILE: "undecodable: <b>no</b> frames"})],
    findings={"layout": "tree", "leaks": [], "warnings": ["few reals"], "counts": {"train": 3}},
    rows=[Row("a.mp4", 0, "a", split="train"), Row("b.mp4", 1, "b", split="test")],
    curves=CURVES,
    trials=[
        {"settings": {"units": 8}, "score": 0.6},
        {"settings": {"units": 64}, "score": 0.7},
        {"settings": {"units": 1}, "score": float("nan")},
    ],
    recipe={"frames": 32, "head": {"units": 16}},
    seed_protocol={
        "seed": {
            "accuracy": 0.97,
            "synthetic_in_validation": 30,
            "curves": [{"val_loss": 0.123456}],
        },
        "sound": {"balanced_accuracy": 0.71},
        "why": ["The validation part of the seed holds synthetic rows."],
    },
    notes=["Learned from 12 people."],
)
BARE = ReportMaterial("Bare", "ddaemon evaluate", [made(videos=60)], {}, (), (), (), {}, None, ())


class Page(HTMLParser):
    """What a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.images, self.links, self._inside = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href") if name in attrs]
        if tag == "img":
            self.images.append(attrs)
        elif tag not in ("meta", "br"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, data):
        if data.strip() and "main" in self._inside:
            self.texts.append(data.strip())


def written(folder, report):
    metrics = write_report(folder, report, seed=0)
    text = (folder / "report.html").read_text(encoding="utf-8")
    return metrics, Page(text), text


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return (folder, *written(folder, FULL))


def test_the_first_line_is_the_verdict(full):
    _, metrics, page, _ = full
    assert page.texts[0] == metrics["verdicts"][0]
    assert "mean of per-frame scores" in page.texts[0]


def test_hostile_names_are_shown_and_do_nothing(full):
    _, _, page, text = full
    assert HOSTILE in page.texts
    assert "script" not in page.tags
    assert "<script" not in text


def test_the_page_needs_nothing_but_itself(full):
    _, _, page, text = full
    assert len(page.images) == 7
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert all(len(image["alt"]) > 20 for image in page.images)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_every_diagram_is_a_png_of_a_phones_proportions(full):
    folder, *_ = full
    names = {path.name for path in folder.glob("*.png")}
    assert names == {
        "confusion.png",
        "labels.png",
        "precision_recall.png",
        "reliability.png",
        "roc.png",
        "scores.png",
        "training_curves.png",
    }
    for name in names:
        head = (folder / name).read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", head[16:20])[0] == 800


def test_metrics_are_strict_json_and_what_was_returned(full):
    folder, metrics, *_ = full

    def refuse(name):
        raise AssertionError(name)

    text = (folder / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse) == metrics
    assert metrics["trials"][2]["score"] is None
    assert metrics["judged"][0]["left_out"] == {HOSTILE: "undecodable: <b>no</b> frames"}


def test_everything_that_was_given_is_on_the_page(full):
    _, _, page, _ = full
    for text in (
        "Learned from 12 people.",
        "few reals",
        "The validation part of the seed holds synthetic rows.",
        "synthetic in validation",
        "0.97",
        "0.71",
        "No group and no near-duplicate lies in two splits.",
        "head, units",
        "majority class (always fake)",
        "By face size: made 1 on drawn numbers",
        "stated by the detector, measured on: other videos",
    ):
        assert text in page.texts, text


def test_the_best_epoch_is_told_and_what_was_not_measured_is_not_made_up(full, tmp_path):
    _, metrics, page, _ = full
    told = [image["alt"] for image in page.images if image["alt"].startswith("Accuracy")]
    assert "Kept: epoch 2, accuracy 0.600 in training" in told[0]
    assert metrics["epochs"][0]["loss"] is None
    _, page, _ = written(tmp_path, replace(BARE, curves=[START]))
    assert any("accuracy not measured in training, 0.500" in image["alt"] for image in page.images)


def test_the_seeds_curves_are_for_the_figures_file_alone(full):
    _, metrics, _, text = full
    assert metrics["seed_protocol"]["seed"]["curves"] == [{"val_loss": 0.123456}]
    assert "0.123456" not in text


def test_tables_name_their_columns(full):
    _, _, page, text = full
    assert page.tags.count("table") == page.tags.count("caption") == page.tags.count("thead")
    assert text.count('scope="row"') > 30


def test_the_best_trial_comes_first_and_a_failed_one_last(full):
    _, _, page, _ = full
    rows = page.texts[page.texts.index("Tuner") :]
    assert rows[rows.index("units") + 1 :][:6] == ["0.7", "64", "0.6", "8", "–", "1"]


def test_leaks_are_named_and_spoil_the_first_line(tmp_path):
    leaking = replace(BARE, findings={"leaks": ["id3 is in train and test", "id4 too"]})
    _, page, text = written(tmp_path, leaking)
    assert page.texts[0].endswith("But its splits leak: the figures are too good.")
    assert '<p class="alarm">id4 too</p>' in text
    assert not any("No group" in said for said in page.texts)


def test_where_nobody_looked_for_leaks_the_page_does_not_claim_there_are_none(tmp_path):
    _, page, _ = written(tmp_path, BARE)
    assert not any("No group" in said for said in page.texts)
    assert any("Nobody looked for leaks" in said for said in page.texts)
    assert len(page.images) == 5


def test_several_detectors_and_data_sets_get_a_cross_table(tmp_path):
    judged = [
        made(videos=60),
        made(videos=60, seed=1, detector="own 2"),
        made(videos=60, seed=2, dataset="elsewhere"),
    ]
    _, page, _ = written(tmp_path, replace(BARE, judged=judged))
    assert [said.split(" on ")[0] for said in page.texts[:3]] == ["made 1", "own 2", "made 1"]
    start = page.texts.index("AUC of each detector on each data set")
    table = page.texts[start + 1 : start + 10]
    assert table[:4] == ["detector", "drawn numbers", "elsewhere", "made 1"]
    assert table[6] == "own 2"
    assert table[8] == "–"  # never judged there


def test_a_small_report_says_why_it_has_no_figure(tmp_path):
    _, page, _ = written(tmp_path, replace(BARE, judged=[made(videos=30)]))
    assert any("it needs 100" in said for said in page.texts)


def test_the_same_judgements_make_the_same_report(tmp_path):
    for name in ("a", "b"):
        write_report(tmp_path / name, BARE, seed=3)
    for file in ("report.html", "metrics.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("judged", [[], [replace(made(60), fake=np.ones(60, bool))]])
def test_a_report_of_nothing_or_of_one_label_is_refused(tmp_path, judged):
    with pytest.raises(UserError, match="real"):
        write_report(tmp_path, replace(BARE, judged=judged), seed=0)
    assert not (tmp_path / "report.html").exists()


def test_the_page_shows_the_bounds_that_were_learned_and_metrics_keep_them(tmp_path):
    bounds = BoundsRecord(what="width of <faces>", low=80, high=None, within=0.98, chosen="so")
    envelope = EnvelopeRecord(
        measures={"face_px": bounds},
        unmeasured={"share": "share of frames: 3 of 60 say it"},
        measured_on="drawn, validation part",
        videos=60,
        within=0.97,
        rule="As it was chosen.",
    )
    metrics = write_report(tmp_path, replace(BARE, envelope=envelope), seed=0)
    page = (tmp_path / "report.html").read_text()
    assert "Operating envelope" in page
    assert "97.0% of these videos lie inside" in page
    assert "width of &lt;faces&gt;" in page
    assert "share of frames: 3 of 60 say it" in page
    assert metrics["envelope"]["measures"]["face_px"]["low"] == 80
    assert "Operating envelope" not in (_bare(tmp_path / "bare") / "report.html").read_text()


def _bare(folder):
    write_report(folder, BARE, seed=0)
    return folder
