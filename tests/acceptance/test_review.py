"""What people make of verdicts: reviews beside them, and the export of a period."""

import csv
import io
import json
from pathlib import Path

import pytest

from ddaemon.stages.shipped import data_file
from ddaemon.tests.clips import blank_clip
from ddaemon.tests.service import Ddaemon


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def judged(ddaemon: Ddaemon) -> str:
    """The job of a forged clip; beside it one clip without a face was judged."""
    (ddaemon.inbox / "=forged.mp4").write_bytes(data_file("demo-forged.mp4").read_bytes())
    blank_clip(ddaemon.inbox / "nobody.mp4")
    ddaemon.call("run", "--drain")
    [job] = [v["job"] for v in ddaemon.verdicts() if v["input"]["name"] == "=forged.mp4"]
    return str(job)


def test_a_review_stands_beside_the_verdict_and_changes_no_published_file(
    ddaemon: Ddaemon, judged: str
) -> None:
    published = files_in(ddaemon.outbox)
    words = ("review", judged, "--decision", "real", "--by", "A. Examiner", "--note")
    ddaemon.call_here(*words, "a scan\nof the studio master")
    ddaemon.call_here("review", judged, "--decision", "inconclusive", "--by", "B. Examiner",
                 "--note", "too small")  # fmt: skip
    record = ddaemon.status(judged)
    assert [one["by"] for one in record["reviews"]] == ["A. Examiner", "B. Examiner"]
    assert record["decision"] == "fake", "the machine's own stays"
    shown = ddaemon.call_here("status", judged)
    assert "A. Examiner" in shown
    assert "master" in shown
    assert "scan\nof" not in shown, "a note can't forge a line of its own"
    assert files_in(ddaemon.outbox) == published
    page = ddaemon.home.parent / "page.html"
    ddaemon.call_here("report", judged, "--out", str(page))
    shown = page.read_text()
    assert (
        shown.index("What people found") < shown.index("A. Examiner") < shown.index("B. Examiner")
    )
    assert "What people found" not in next(ddaemon.outbox.glob("*forged*/report.html")).read_text()
    [folder] = ddaemon.outbox.glob("*forged*")
    said = ddaemon.call_here("report", judged, "--out", str(folder / "x.html"), code=1)
    assert "stays as it was published" in said
    assert files_in(ddaemon.outbox) == published
    assert "reviewed" in ddaemon.call_here("audit", "export")
    assert ddaemon.call_here("audit", "verify")


def test_a_review_needs_a_name_and_a_job_with_a_verdict(ddaemon: Ddaemon, judged: str) -> None:
    for words in (
        (judged, "--decision", "fake", "--by", " ", "--note", "seams"),
        ("zzzzzzzz", "--decision", "fake", "--by", "A", "--note", "seams"),
    ):
        said = ddaemon.call_here("review", *words, code=1)
        assert len(said.strip().splitlines()) == 1, said


def test_the_export_of_a_period_has_a_row_a_verdict_with_its_review(
    ddaemon: Ddaemon, judged: str
) -> None:
    ddaemon.call_here("review", judged, "--decision", "fake", "--by", "A", "--note", "seams")
    rows = {
        row["job"]: row for row in csv.DictReader(io.StringIO(ddaemon.call_here("export", "--csv")))
    }
    assert len(rows) == 2
    assert rows[judged]["name"] == "'=forged.mp4", "no spreadsheet may take a name for a formula"
    assert rows[judged]["decision"] == "fake"
    lines = [json.loads(line) for line in ddaemon.call_here("export", "--jsonl").splitlines()]
    [line] = [line for line in lines if line["job"] == judged]
    verdict = next(v for v in ddaemon.verdicts() if v["job"] == judged)
    assert line["name"] == "=forged.mp4"
    assert line["probability"] == pytest.approx(verdict["probability"])
    assert "seams" in json.dumps(line)
    assert verdict["detector"]["sha256"] in json.dumps(line)
    assert ddaemon.call_here("export", "--jsonl", "--until", "2020-01-01") == ""
