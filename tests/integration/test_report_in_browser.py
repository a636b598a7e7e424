"""The page in a real browser: it opens from disk, stays quiet, fits, can be read and printed."""

import base64
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ddaemon.stages.reporting.page import write_page
from ddaemon.storage.content import file_name
from ddaemon.storage.registry import Registry
from ddaemon.storage.text import printable
from ddaemon.tests.hostile import NAMES
from ddaemon.tests.records import (
    HOSTILE,
    HOSTILE_SHOWN,
    face_of,
    fake_record,
    lay_pictures,
    record_of,
    with_everything,
)

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="chromium and chromedriver are not installed"
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RECORDS = {
    "fake": fake_record(),
    "everything": with_everything(fake_record(), HOSTILE),
    "inconclusive": record_of("inconclusive", 0.5, [face_of(0, [0.5] * 8)]),
    "real": record_of("real", 0.1, [face_of(0, [0.1] * 8)]),
    "not analysable": record_of("not_analysable", None),
}
A4_POINTS = (595, 842)
AA = 4.5  # contrast of text, Web Content Accessibility Guidelines 2, level AA

# Contrast of every text with what lies behind it, as the browser computed the colours.
CONTRASTS = """
const part = c => c.match(/[\\d.]+/g).map(Number);
const over = (top, under) => top.length < 4 || top[3] == 1 ? top.slice(0, 3)
  : top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
const ground = e => { const chain = [];
  for (; e; e = e.parentElement) chain.push(part(getComputedStyle(e).backgroundColor));
  return chain.reverse().reduce((under, c) => over(c, under), [255, 255, 255]); };
const light = c => { const [r, g, b] = c.map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b; };
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
  if (!text || !element.getClientRects().length) continue;
  const style = getComputedStyle(element);
  const ink = part(element.ownerSVGElement ? style.fill : style.color), paper = ground(element);
  const [a, b] = [light(over(ink, paper)), light(paper)].sort((x, y) => y - x);
  found.push([(a + .05) / (b + .05), text.slice(0, 40)]);
}
return found;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    card = Registry.of_bundled().get("lite0-sequence").record
    written = {}
    for name, record in RECORDS.items():
        folder = tmp_path_factory.mktemp("verdict")
        written[name] = write_page(record, lay_pictures(record, folder), card)
    return written


@pytest.fixture(params=RECORDS)
def page(request, browser, pages):
    show(browser)
    browser.get(pages[request.param].as_uri())
    return browser


def show(browser: Any, width: int = 1280, scheme: str = "light", media: str = "") -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def test_it_opens_from_disk_without_a_complaint_or_a_request(browser, pages) -> None:
    for path in pages.values():
        browser.get_log("performance")
        browser.get(path.as_uri())
        assert browser.get_log("browser") == []
        events = [
            json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
        ]
        asked = {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"]["documentURL"] == path.as_uri()  # not the browser's own first page
        }
        assert path.as_uri() in asked
        assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
        assert [url for url in asked if url.startswith("file")] == [path.as_uri()]
        entries = browser.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        assert [name for name in entries if not name.startswith("data:")] == []


def test_it_fits_a_phone_a_tablet_and_a_screen(page) -> None:
    for width in (360, 768, 1280):
        show(page, width)
        wide, seen = page.execute_script(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= seen <= width
        over = page.execute_script(
            "return [...document.querySelectorAll('body *')].filter(e => "
            "e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)"
            ".map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"
        )
        assert over == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_text_stands_out_from_its_ground_by_day_and_by_night(page, scheme, width) -> None:
    show(page, width, scheme)
    found = page.execute_script(CONTRASTS)
    assert len(found) > 60
    assert [(text, round(ratio, 1)) for ratio, text in found if ratio < AA] == []
    paper = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", paper)[:3])
    assert (brightness > 600) if scheme == "light" else (brightness < 150)


@pytest.mark.parametrize("width", [360, 1280])
def test_the_chart_that_fits_is_shown_and_its_text_can_be_read(browser, pages, width) -> None:
    show(browser, width)
    browser.get(pages["fake"].as_uri())
    shown = browser.execute_script(
        "return [...document.querySelectorAll('svg')].filter(e => e.getClientRects().length)"
        ".map(e => [...e.querySelectorAll('text')].map(t => t.getBoundingClientRect().height))"
    )
    assert len(shown) == 1, "the chart for phones, or that for screens"
    assert min(shown[0]) >= 11


def test_headings_come_in_order_and_parts_have_names(page) -> None:
    levels = page.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => +e.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('section')].filter(e => "
        "!document.getElementById(e.getAttribute('aria-labelledby'))?.textContent.trim()).length"
    )
    assert unnamed == 0
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        count = page.execute_script(f"return document.querySelectorAll('{landmark}').length")
        assert count == 1, landmark


def test_every_picture_decodes_and_says_what_it_shows(page) -> None:
    pictures = page.execute_async_script(
        "const done = arguments[0];"
        "Promise.all([...document.images].map(i => i.decode().then("
        "() => [i.naturalWidth, i.alt], e => [0, String(e)]))).then(done)"
    )
    assert all(width > 100 and len(alt) > 30 for width, alt in pictures), pictures


def test_what_a_video_s_maker_wrote_is_text(browser, pages) -> None:
    browser.get(pages["everything"].as_uri())
    assert browser.execute_script("return document.scripts.length") == 0
    heading = browser.execute_script("return document.querySelector('h1').textContent")
    assert heading == HOSTILE_SHOWN
    assert HOSTILE_SHOWN in browser.title


def test_every_hostile_name_is_read_in_full_and_does_nothing(browser, tmp_path) -> None:
    for name in (file_name(Path(os.fsdecode(raw))) for raw in NAMES.values()):
        record = record_of("not_analysable", None)
        record["input"]["name"] = name
        browser.get(write_page(record, tmp_path).as_uri())
        heading = browser.execute_script("return document.querySelector('h1').textContent")
        assert heading == printable(name)
        assert browser.title.startswith(" ".join(printable(name).split())), "not 'owned'"
        odd = "return document.querySelectorAll('script, header img, [onerror]').length"
        assert browser.execute_script(odd) == 0
    assert browser.get_log("browser") == []


def test_no_script_would_run_even_if_one_came_in(browser, pages, tmp_path) -> None:
    text = pages["fake"].read_text()
    evil = "<script>document.title = 'ran'</script><img src=x onerror=\"document.title='ran'\">"
    (tmp_path / "evil.html").write_text(text.replace("<main>", f"<main>{evil}"))
    browser.get((tmp_path / "evil.html").as_uri())
    assert browser.title != "ran"
    assert any(
        "Content Security Policy" in entry["message"] for entry in browser.get_log("browser")
    )


def _print(page: Any, tries: int = 3) -> bytes:
    """A PDF of the page. On a busy machine the browser's own printing process now and then gives
    up ("Printing failed"), whatever the page; three times in a row is the page's fault."""
    from selenium.common.exceptions import WebDriverException

    try:
        printed = page.execute_cdp_cmd(
            "Page.printToPDF", {"preferCSSPageSize": True, "printBackground": False}
        )
    except WebDriverException as error:
        if tries == 1 or "Printing failed" not in str(error):
            raise
        return _print(page, tries - 1)
    return base64.b64decode(printed["data"])


def test_it_prints_on_a4_with_its_text_and_its_colours(page) -> None:
    pdf = _print(page)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert {tuple(round(float(side)) for side in box) for box in boxes} == {A4_POINTS}
    contents = [content for content in _streams(pdf) if b" re\n" in content or b" Tf\n" in content]
    written = [content for content in contents if re.search(rb"T[jJ]\n", content)]
    assert len(written) >= len(boxes)
    assert b"/StructTreeRoot" in pdf, "tagged, for screen readers"
    show(page, 680, "dark", "print")
    paper = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    colours = page.execute_script(
        "return getComputedStyle(document.querySelector('.decision')).printColorAdjust"
    )
    assert colours == "exact"
    assert [ratio for ratio, _ in page.execute_script(CONTRASTS) if ratio < AA] == []


def _streams(pdf: bytes) -> Iterator[bytes]:
    """What is in the file's compressed parts; pictures among them don't inflate."""
    for part in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            yield zlib.decompress(part)
        except zlib.error:
            continue
