"""Every released schema comes forward with what it holds, over both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.database import Database
from ddaemon.storage.engines import engine_of, version_of
from ddaemon.storage.errors import DatabaseLost, HomeError
from ddaemon.storage.job_reader import JobReader
from ddaemon.storage.migrations import upgrade
from ddaemon.storage.notices import Notices
from ddaemon.storage.place import Place, place_of
from ddaemon.storage.queue import Queue
from ddaemon.storage.reading import SCHEMA_VERSION
from ddaemon.storage.tables import metadata
from ddaemon.storage.verdict_list import VerdictList
from ddaemon.tests.postgres import Cluster

# Sizes, nanoseconds and inodes that no 32 bits hold.
SCHEMA_1 = """
INSERT INTO jobs (id, sha256, name, bytes, source, mtime_ns, inode, state, priority, received_at,
    not_before, attempts, percent, started_at, finished_at, decision, probability, folder)
VALUES ('done1234', 'aa', 'a.mp4', 5000000000, '/in/a.mp4', 1790000000000000000, 9000000000, 'done',
    0, 10.0, 0.0, 1, 100.0, 11.0, 12.0, 'fake', 0.9, 'a-done1234');
INSERT INTO jobs (id, sha256, name, bytes, source, mtime_ns, inode, state, priority, received_at,
    not_before, attempts, token, lease_until)
VALUES ('run12345', 'bb', 'b.mp4', 1, '/in/b.mp4', 2, 4, 'running', 0, 20.0, 0.0, 1, 't', 1e12);
INSERT INTO events (job, at, kind, detail) VALUES ('done1234', 10.0, 'accepted', 'a.mp4');
INSERT INTO files (path, size, mtime_ns, inode, job)
VALUES ('/in/a.mp4', 5000000000, 1790000000000000000, 9000000000, 'done1234')
"""
SCHEMA_2 = """
INSERT INTO reruns (job, detector, asked_at) VALUES ('run12345', 'new', 21.0);
INSERT INTO reviews (job, decision, "by", note, at) VALUES ('done1234', 'real', 'me', 'x', 13.0);
INSERT INTO notices (id, job, event, target, payload, state, attempts, not_before, created_at)
VALUES ('n', 'done1234', 'verdict', 'webhook', '{}', 'waiting', 0, 12.0, 12.0)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place without tables."""
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        path.touch()
        yield path
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = cluster.empty()
    yield cluster.server(name)
    cluster.drop(name)


def make_old(place: Place, schema: int) -> None:
    """A database of this schema, with something in every table."""
    database = Database(engine_of(place), place)
    for version, rows in ((1, SCHEMA_1), (2, SCHEMA_2)):
        if version <= schema:
            with database.write() as connection:
                upgrade(connection, f"{version:04}")
                for statement in rows.split(";"):
                    connection.execute(text(statement))
    database.close()


@pytest.mark.parametrize("schema", [1, 2])
def test_an_old_database_comes_forward_with_all_it_held(bare: Place, schema: int) -> None:
    make_old(bare, schema)
    before = list(VerdictList(bare).between(0, 1e12))
    Database.open(bare).close()
    queue, reader = Queue(Database.open(bare), backoff_s=0, holder="one"), JobReader(bare)
    queue.adopt()
    assert list(VerdictList(bare).between(0, 1e12)) == before
    assert reader.get("done1234").bytes == 5_000_000_000
    assert [event.kind for event in reader.history("done1234")] == ["accepted"]
    assert reader.source("done1234") == Path("/in/a.mp4")
    (stamp,) = queue.known_files().values()
    assert stamp.mtime_ns == 1_790_000_000_000_000_000
    assert queue.reclaim(everything=True) == ["run12345"], "what the one home held is its own"
    claim = queue.claim(60)
    assert claim is not None
    assert claim.detector == ("new" if schema == 2 else None)
    log = AuditLog(bare)
    assert log.verify().fault is None
    assert next(log.chain()).kind == "log begun"
    if schema == 2:
        assert [review.by for review in reader.reviews("done1234")] == ["me"]
        assert [row.id for row in Notices(Database.open(bare), holder="one").due()] == ["n"]


def test_the_migrations_lead_to_the_tables_that_the_code_knows(bare: Place) -> None:
    database = Database(engine_of(bare), bare)
    with database.write() as connection:
        upgrade(connection)
    with database.read() as connection:
        assert version_of(connection) == SCHEMA_VERSION
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_a_migration_that_is_broken_off_has_not_happened(bare: Place) -> None:
    make_old(bare, 2)
    database = Database(engine_of(bare), bare)
    with pytest.raises(RuntimeError), database.write() as connection:
        upgrade(connection)
        raise RuntimeError
    with database.read() as connection:
        assert version_of(connection) == 2
    database.close()
    assert JobReader(bare).get("done1234").decision == "fake"
    Database.open(bare).close()
    assert [row.number for row in VerdictList(bare).between(0, 1e12)] == [1]


def test_a_place_without_tables_is_refused_until_it_is_made(bare: Place) -> None:
    with pytest.raises(HomeError, match="no tables of ddaemon"):
        Database.open(bare)
    if isinstance(bare, Path):
        with pytest.raises(HomeError, match="left as it is"):
            Database.create(bare)
        assert bare.stat().st_size == 0
    else:
        Database.create(bare).close()
        Database.open(bare).close()


def test_a_newer_schema_and_a_database_of_others_are_refused(place: Place) -> None:
    database = Database.create(place)
    with database.write() as connection:
        if isinstance(place, Path):
            connection.exec_driver_sql("PRAGMA user_version = 99")
        else:
            connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    with pytest.raises(HomeError, match="schema 99"):
        Database.open(place)
    with pytest.raises(HomeError, match="schema 99"):
        Database.create(place)
    if not isinstance(place, Path):
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'a1b2'"))
        with pytest.raises(HomeError, match="another program"):
            Database.open(place)
    database.close()


def test_what_keeps_the_tables_from_being_made_is_said_in_a_line(postgres: Cluster) -> None:
    name = postgres.empty()
    postgres.execute("CREATE TABLE jobs (id integer)", name)
    with pytest.raises(HomeError, match=r'"jobs" already exists; docs/database\.md'):
        Database.create(postgres.server(name))
    postgres.execute("DROP TABLE jobs", name)
    Database.create(postgres.server(name)).close()
    postgres.drop(name)
    postgres.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(HomeError, match="is in LATIN1"):
        Database.create(postgres.server(name))
    postgres.drop(name)


def test_a_server_that_is_not_there_is_said_in_a_line(tmp_path: Path) -> None:
    server = place_of(f"postgresql+psycopg://me:hush@/x?host={tmp_path}", tmp_path)
    for attempt in (JobReader, Database.open, Database.create):
        with pytest.raises(DatabaseLost, match="can't be reached") as caught:
            attempt(server)
        assert "hush" not in str(caught.value)


def test_a_file_that_is_removed_or_replaced_under_its_user_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database.create(path)
    database.check_in_place()
    path.rename(tmp_path / "away.db")
    with pytest.raises(HomeError, match="removed or replaced"):
        database.check_in_place()
    database.close()
    with pytest.raises(DatabaseLost), database.write():
        pass
    assert not path.exists(), "nothing is made in its place"
    path.write_bytes(b"garbage")
    with pytest.raises(HomeError, match="removed or replaced"):
        database.check_in_place()
