"""A person's finding stands beside the machine's, and changes nothing of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ddaemon.cli.main import cli
from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.errors import DdaemonError
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.queue import Arrival, Outcome, Queue

SCHEMA = Path(__file__).parents[3] / "docs" / "status.schema.json"
STATUS = Draft202012Validator(json.loads(SCHEMA.read_text()))


class Desk:
    """A home with one verdict."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.call("init")
        self.queue = Queue(Database.open(home / "state.db"))
        self.job, _ = self.queue.enqueue(Arrival(home / "a", FileStamp(1, 2, 3), "a" * 64, 1.0))
        claim = self.queue.claim(60)
        assert claim is not None
        self.queue.begin_publishing(claim, Outcome("fake", None, 0.9), "f-1")
        self.queue.finish(self.job, "f" * 64)

    def call(self, *words: str, fails: bool = False) -> str:
        done = CliRunner().invoke(cli, ["--home", str(self.home), *words])
        assert bool(done.exit_code) is fails, done.output
        # What `main` turns into one line is an exception here.
        return str(done.exception) if isinstance(done.exception, DdaemonError) else done.output

    def review(self, decision: str, by: str = "Ann", note: str = "seen", **how: bool) -> str:
        words = ("--decision", decision, "--by", by, "--note", note)
        return self.call("review", self.job, *words, **how)

    def status(self, *words: str) -> dict[str, object]:
        record: dict[str, object] = json.loads(self.call("status", "--json", *words))
        STATUS.validate(record)
        return record


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_review_is_kept_beside_the_decision(desk: Desk) -> None:
    before = JobReader(desk.home / "state.db").get(desk.job)
    told = desk.review("real", note="the original is known")
    assert "the machine says fake" in told
    assert "real         by Ann: the original is known" in told
    assert JobReader(desk.home / "state.db").get(desk.job) == before


def test_all_are_kept_and_the_latest_counts(desk: Desk) -> None:
    desk.review("real", by="Ann")
    desk.review("inconclusive", by="Bob")
    record = desk.status(desk.job)
    assert [review["by"] for review in record["reviews"]] == ["Ann", "Bob"]  # type: ignore[attr-defined]
    assert record["review"] == record["reviews"][-1]  # type: ignore[index]
    (exported,) = desk.call("export", "--jsonl").splitlines()
    row = json.loads(exported)
    assert (row["decision"], row["human_decision"], row["human_by"]) == (
        "fake", "inconclusive", "Bob",
    )  # fmt: skip
    assert row["human_at"] == record["review"]["at"]  # type: ignore[index]


def test_the_list_of_last_verdicts_marks_it(desk: Desk) -> None:
    assert "[reviewed" not in desk.call("status")
    desk.status()
    desk.review("real")
    assert "[reviewed: real]" in desk.call("status")
    assert "[reviewed: real]" in desk.call("jobs", "list")
    assert desk.status()["last"][0]["review"]["by"] == "Ann"  # type: ignore[index]


def test_the_log_holds_it_whole_also_when_the_job_is_forgotten(desk: Desk) -> None:
    desk.review("real", note="why")
    desk.queue.purge(older_than_s=-1)
    log = AuditLog(desk.home / "state.db")
    assert log.verify().fault is None
    (entry,) = (entry for entry in log.chain() if entry.kind == "reviewed")
    assert json.loads(entry.detail) == {"by": "Ann", "decision": "real", "note": "why"}
    assert (entry.job, entry.sha256) == (desk.job, "a" * 64)


def test_a_hostile_name_or_note_is_shown_and_does_nothing(desk: Desk) -> None:
    desk.review("real", by="\x1b[31mAnn", note="=1+1\n\u202eevil")
    for told in (desk.call("review", desk.job), desk.call("status", desk.job)):
        assert "\x1b" not in told
        assert "by \\x1b[31mAnn: =1+1\\n\\u202eevil" in told
    assert "'=1+1\\n" in desk.call("export", "--csv")


def test_bad_input_is_one_line_and_keeps_nothing(desk: Desk) -> None:
    waiting, _ = desk.queue.enqueue(Arrival(desk.home / "b", FileStamp(1, 2, 3), "b" * 64, 1.0))
    said = ("--decision", "real", "--by", "Ann", "--note", "x")
    assert "there is no job 'nope'" in desk.call("review", "nope", *said, fails=True)
    assert "has no verdict" in desk.call("review", waiting, *said, fails=True)
    assert "--by is empty" in desk.review("real", by=" \t", fails=True)
    assert "--note is empty" in desk.review("real", note="", fails=True)
    assert "at most 10000" in desk.review("real", note="x" * 10_001, fails=True)
    assert "needs --by NAME" in desk.call("review", desk.job, "--decision", "real", fails=True)
    assert "go with --decision" in desk.call("review", desk.job, "--by", "Ann", fails=True)
    assert "no person reviewed it" in desk.call("review", desk.job)
