"""A database of an older schema gets what it lacks, and keeps what it has."""

import sqlite3
import threading
from pathlib import Path

import pytest

from ddaemon.storage import audit
from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.content import FileStamp
from ddaemon.storage.database import Database
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.queue import Arrival, Queue
from ddaemon.storage.reading import SCHEMA_VERSION

# As ddaemon 0.1 wrote it.
SCHEMA_1 = """
CREATE TABLE jobs (
    id TEXT NOT NULL, sha256 TEXT NOT NULL, name TEXT NOT NULL, bytes INTEGER NOT NULL,
    source BLOB NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, state TEXT NOT NULL,
    priority INTEGER NOT NULL, received_at FLOAT NOT NULL, not_before FLOAT NOT NULL,
    attempts INTEGER NOT NULL, token TEXT, lease_until FLOAT, stage TEXT, percent FLOAT,
    started_at FLOAT, finished_at FLOAT, decision TEXT, reason TEXT, probability FLOAT,
    folder TEXT, error TEXT,
    PRIMARY KEY (id), UNIQUE (sha256)
);
CREATE INDEX jobs_by_turn ON jobs (state, priority, received_at);
CREATE INDEX jobs_by_end ON jobs (state, finished_at);
CREATE TABLE files (
    path BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (path)
);
CREATE INDEX ix_files_job ON files (job);
CREATE TABLE events (
    id INTEGER NOT NULL, job TEXT NOT NULL, at FLOAT NOT NULL, kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX ix_events_job ON events (job);
INSERT INTO jobs VALUES
    ('done1234', 'aa', 'a.mp4', 1, CAST('/in/a.mp4' AS BLOB), 2, 3, 'done', 0, 10.0, 0.0, 1,
     NULL, NULL, NULL, 100.0, 11.0, 12.0, 'fake', NULL, 0.9, 'a-done1234', NULL),
    ('wait1234', 'bb', 'b.mp4', 1, CAST('/in/b.mp4' AS BLOB), 2, 4, 'pending', 0, 20.0, 0.0, 0,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO files VALUES (CAST('/in/a.mp4' AS BLOB), 1, 2, 3, 'done1234');
INSERT INTO events VALUES (1, 'done1234', 10.0, 'accepted', 'a.mp4'),
    (2, 'done1234', 12.0, 'published', '');
PRAGMA user_version = 1;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_1)
    connection.close()
    return path


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return found


def test_who_only_reads_an_old_file_leaves_it_old_and_finds_no_log(path: Path) -> None:
    assert JobReader(path).get("done1234").decision == "fake"
    log = AuditLog(path)
    assert not log.is_there
    assert (list(log.chain()), log.head(), log.verify().fault) == ([], None, None)
    assert version(path) == 1


def test_opening_it_for_writing_brings_it_to_todays_schema_with_all_it_held(path: Path) -> None:
    Database.open(path).close()
    assert version(path) == SCHEMA_VERSION
    reader = JobReader(path)
    assert [event.kind for event in reader.history("done1234")] == ["accepted", "published"]
    assert reader.source("done1234") == Path("/in/a.mp4")
    (first,) = AuditLog(path).chain()
    assert (first.kind, first.detail) == ("log begun", '{"jobs_before":2}')


def test_the_queue_goes_on_where_the_old_one_was(path: Path, tmp_path: Path) -> None:
    queue = Queue(Database.open(path))
    claim = queue.claim(60)
    assert claim is not None
    assert claim.job == "wait1234"
    queue.enqueue(Arrival(tmp_path / "c", FileStamp(1, 2, 5), "cc", 30.0))
    log = AuditLog(path)
    assert [entry.kind for entry in log.chain()] == ["log begun", "claimed", "accepted"]
    assert log.verify().fault is None, "a job from before the log needs no entry"


def test_two_that_open_it_at_once_upgrade_it_once(path: Path) -> None:
    threads = [threading.Thread(target=lambda: Database.open(path).close()) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.kind for entry in AuditLog(path).chain()] == ["log begun"]


def test_an_upgrade_that_is_broken_off_has_not_happened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(_connection: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(audit, "begin", break_off)
        with pytest.raises(RuntimeError):
            Database.open(path)
    assert version(path) == 1
    assert not AuditLog(path).is_there
    Database.open(path).close()
    assert version(path) == SCHEMA_VERSION
