"""The page holds what the record says, escapes what a video's maker wrote, needs nothing else."""

import base64
import hashlib
import re
import struct
import zlib
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from ddaemon.stages.reporting.page import render_page, write_page
from ddaemon.stages.verdict import LIMITS
from ddaemon.storage.detector_record import DetectorRecord
from ddaemon.storage.registry import Registry
from ddaemon.tests.records import (
    HOSTILE,
    HOSTILE_SHOWN,
    SHA,
    fake_record,
    lay_pictures,
    record_of,
    with_everything,
)

VOID = {"meta", "img", "br"}
RECORDS = {
    "fake": fake_record(),
    "everything": with_everything(fake_record(), HOSTILE),
    "not analysable": record_of("not_analysable", None),
}


class Page(HTMLParser):
    """What a browser would see; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(text)
        assert self._inside == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._inside.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._inside.pop() == tag

    def handle_data(self, data):
        if "style" not in self._inside:
            self.text += data

    def named(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


@pytest.fixture(scope="module")
def card() -> DetectorRecord:
    return Registry.of_bundled().get("lite0-sequence").record


@pytest.fixture(params=RECORDS)
def page(request, tmp_path, card):
    record = RECORDS[request.param]
    text = render_page(record, lay_pictures(record, tmp_path), card)
    return record, text, Page(text)


def test_the_page_says_the_decision_the_sentence_with_the_rates_and_the_limits(page) -> None:
    record, _, seen = page
    said = seen.text.replace("\xa0", " ")
    assert record["words"]["scale"].capitalize() in said
    assert record["words"]["summary"] in said
    assert LIMITS in said
    assert SHA in said
    assert "ddaemon verify FOLDER" in said


def test_the_page_is_one_file_that_runs_nothing_and_loads_nothing(page) -> None:
    _, text, seen = page
    for attrs in (attrs for _, attrs in seen.tags):
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert attrs.get("src", "data:").startswith("data:image/jpeg;base64,"[:5])
        assert attrs.get("href", "#").startswith("#")
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in seen.tags}
    (policy,) = [m["content"] for m in seen.named("meta") if m.get("http-equiv")]
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style


def test_every_picture_says_what_it_shows_and_every_table_names_its_columns(page) -> None:
    _, _, seen = page
    pictures = seen.named("img") + seen.named("svg")
    assert all(len(p.get("alt") or p.get("aria-label") or "") > 30 for p in pictures)
    assert len(seen.named("table")) == len(seen.named("caption")) == len(seen.named("thead"))
    assert {th.get("scope") for th in seen.named("th")} == {"row", "col"}
    assert [tag for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)][:2] == ["h1", "h2"]
    assert seen.named("html") == [{"lang": "en"}]
    assert len(seen.named("main")) == 1
    targets = {attrs["href"][1:] for attrs in seen.named("a")}
    assert targets == {attrs["id"] for attrs in seen.named("section")}


def test_the_decision_comes_first_and_how_to_check_it_last(tmp_path, card) -> None:
    def parts(record):
        text = render_page(record, lay_pictures(record, tmp_path), card)
        return [attrs["id"] for attrs in Page(text).named("section")]

    always = ["examined", "how", "detector", "custody", "check"]
    judged = ["decision", "timeline", "strongest", "sheet"]
    assert parts(with_everything(fake_record())) == [*judged, "envelope", *always]
    assert parts(fake_record()) == [*judged, *always]
    assert parts(record_of("not_analysable", None)) == ["decision", *always]


def test_what_a_video_s_maker_wrote_is_shown_and_does_nothing(tmp_path, card) -> None:
    record = with_everything(fake_record(), HOSTILE)
    text = render_page(record, lay_pictures(record, tmp_path), card)
    assert "<script" not in text
    assert "\u202e" not in text
    assert "\udcff" not in text
    # name, title; tags twice; trace; provenance twice; fact; custody; the file's row
    assert Page(text).text.count(HOSTILE_SHOWN) == 10
    text.encode("utf-8")


def test_what_other_stages_found_is_there_when_it_is_and_absent_when_not(tmp_path, card) -> None:
    bare, full = fake_record(), with_everything(fake_record())
    lay_pictures(full, tmp_path)
    told = {
        "How far it applies",
        "lies outside of what the detector was measured on",
        "The face is small.",
        "Halved, it says otherwise.",
        "Stream 0: video",
        "Tags that the file carries",
        "Traces of editing",
        "Provenance (C2PA)",
        "Found by third-party stages",
        "Settings needed to repeat",
        "gradcam++",
        "Better than chance.",
    }
    without, with_it = (Page(render_page(r, tmp_path, card)).text for r in (bare, full))
    assert {words for words in told if words in with_it} == told
    assert {words for words in told if words in without} == set()


def test_an_envelope_that_was_not_measured_is_said_and_not_made_up(tmp_path, card) -> None:
    record = {**fake_record(), "envelope": None, "stability": None}
    said = Page(render_page(record, lay_pictures(record, tmp_path), card)).text
    assert "Whether the error rates above apply to this video is not known" in said


def test_the_plain_frame_stands_beside_the_heatmap_where_it_was_kept(tmp_path, card) -> None:
    for record, pictures in ((fake_record(), 3), (with_everything(fake_record()), 5)):
        seen = Page(render_page(record, lay_pictures(record, tmp_path), card))
        assert len(seen.named("img")) == pictures


def test_a_picture_that_is_gone_or_elsewhere_is_left_out_and_one_that_is_none_is_a_fault(
    tmp_path, card
) -> None:
    record = fake_record()
    folder = lay_pictures(record, tmp_path / "folder")
    (folder / "heatmaps" / "01.png").rename(tmp_path / "stolen.png")
    record["heatmaps"][1]["file"] = "../stolen.png"
    seen = Page(render_page(record, folder, card))
    assert seen.text.count("not in the folder") == 2
    (folder / "heatmap.png").write_bytes(b"no picture")
    with pytest.raises(OSError, match="not a picture"):
        render_page(record, folder, card)


def test_a_large_picture_is_made_small_enough_to_travel(tmp_path, card) -> None:
    record = fake_record()
    folder = lay_pictures(record, tmp_path)
    cv2.imwrite(str(folder / "heatmap.png"), np.full((22_000, 1144, 3), 200, np.uint8))
    cv2.imwrite(str(folder / "heatmaps" / "01.png"), np.full((1080, 3840, 3), 200, np.uint8))
    sizes = [(int(p["width"]), int(p["height"]))
             for p in Page(render_page(record, folder, card)).named("img")]  # fmt: skip
    assert sizes[0] == (1280, 360)
    assert sizes[-1][0] * sizes[-1][1] < 4_100_000


def test_a_jpeg_that_is_small_enough_goes_in_as_it_is(tmp_path, card) -> None:
    record = fake_record()
    folder = lay_pictures(record, tmp_path)
    face = np.full((90, 160, 3), 200, np.uint8)
    for number, side in ((1, 160), (2, 3840)):
        path = folder / "heatmaps" / f"{number:02}.jpg"
        cv2.imwrite(str(path), cv2.resize(face, (side, side)))
        record["heatmaps"][number - 1]["file"] = f"heatmaps/{path.name}"
    page = Page(render_page(record, folder, card))
    small, large = (
        base64.b64decode(str(picture["src"]).partition(",")[2]) for picture in page.named("img")[:2]
    )
    assert small == (folder / "heatmaps" / "01.jpg").read_bytes()
    assert len(large) < len((folder / "heatmaps" / "02.jpg").read_bytes())


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_picture_whose_header_claims_far_too_much_is_a_fault(tmp_path, card) -> None:
    record = fake_record()
    folder = lay_pictures(record, tmp_path)
    size = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    parts = [png_chunk(b"IHDR", size), png_chunk(b"IDAT", zlib.compress(b"")), png_chunk(b"IEND")]
    (folder / "heatmap.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(OSError, match="not a picture"):
        render_page(record, folder, card)


def test_the_page_can_be_made_again_from_the_folder_and_is_the_same(tmp_path, card) -> None:
    record = with_everything(fake_record())
    folder = lay_pictures(record, tmp_path)
    first = write_page(record, folder, card).read_bytes()
    (folder / "verdict.json").write_text("{}")
    assert write_page(record, folder, card).read_bytes() == first
    assert sorted(path.name for path in folder.iterdir()) == [
        "heatmap.png", "heatmaps", "report.html", "verdict.json",
    ]  # fmt: skip


def test_hashes_come_from_the_record_or_from_the_files_and_never_name_the_page(
    tmp_path, card
) -> None:
    record = fake_record()
    folder = lay_pictures(record, tmp_path)
    digest = hashlib.sha256((folder / "heatmap.png").read_bytes()).hexdigest()
    write_page(record, folder, card)
    said = Page(render_page(record, folder, card)).text
    assert digest in said
    assert hashlib.sha256((folder / "report.html").read_bytes()).hexdigest() not in said
    known = {**record, "files": {"heatmap.png": "f" * 64, "report.html": "e" * 64}}
    said = Page(render_page(known, folder, card)).text
    assert "f" * 64 in said
    assert "e" * 64 not in said


def test_a_folder_of_very_many_files_does_not_make_an_endless_page(tmp_path, card) -> None:
    record = fake_record()
    record["files"] = {f"frames/{i}.jpg": "0" * 64 for i in range(1000)}
    said = Page(render_page(record, lay_pictures(record, tmp_path), card)).text
    assert "940 more" in said


def test_very_many_and_very_long_tags_do_not_make_an_endless_page(tmp_path, card) -> None:
    record = with_everything(fake_record())
    tags = {f"tag {i}": "x" * 100_000 for i in range(1000)}
    record["examination"] = {"streams": [], "tags": tags, "traces": []}
    text = render_page(record, lay_pictures(record, tmp_path), card)
    assert "800 more" in text
    assert "(99000 more letters)" in text
    assert len(text) < 1_000_000


def test_what_the_detector_learned_from_and_its_licence_are_named(tmp_path, card) -> None:
    record = record_of("not_analysable", None)
    said = Page(render_page(record, tmp_path, card)).text
    assert card.data[0] in said
    assert card.licence in said
    assert card.licence not in Page(render_page(record, tmp_path, None)).text
