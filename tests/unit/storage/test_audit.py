"""The audit log: what happened is in it once, and what was done to it is found."""

import hashlib
import sqlite3
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddaemon.storage.audit import (
    EMPTY,
    Entry,
    LogHead,
    Witness,
    append,
    entry_hash,
    make_entry,
    parse_head,
    walk,
)
from ddaemon.storage.audit_log import AuditLog
from ddaemon.storage.database import Database
from ddaemon.storage.errors import UserError
from ddaemon.storage.place import Place


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    last = EMPTY
    for number in range(length):
        about = "ab" * 32 if number % 2 else None
        at = f"2026-01-01T00:00:{number:02}.000Z"
        entries.append(make_entry(last, at, "claimed", f"job{number}", about, f'{{"n":{number}}}'))
        last = entries[-1].head
    return entries


def rehashed(entry: Entry) -> Entry:
    """As a forger would leave it: its own hash fits its new content."""
    return replace(entry, hash=entry_hash(*astuple(entry)[:-1]))


def broken(entries: list[Entry], *witnesses: Witness) -> int | None:
    return walk(entries, witnesses).broken


places = st.integers(0, 9)


def test_an_untouched_chain_is_whole() -> None:
    entries = chain(10)
    found = walk(entries, [Witness("an export", entry.head) for entry in entries])
    assert (found.entries, found.head, found.fault) == (10, entries[-1].head, None)


def test_the_hash_is_over_a_text_that_anybody_can_write() -> None:
    digest = entry_hash(1, "t", "\N{LATIN SMALL LETTER E WITH ACUTE}", None, None, "{}", "0" * 64)
    text = '[1,"t","\\u00e9",null,null,"{}","' + "0" * 64 + '"]'
    assert digest == hashlib.sha256(text.encode()).hexdigest()


@settings(max_examples=60, deadline=None)
@given(
    place=places,
    field=st.sampled_from(["at", "kind", "job", "sha256", "detail", "previous", "hash"]),
    value=st.one_of(st.none(), st.text(max_size=5), st.binary(max_size=3)),
)
def test_any_altered_part_of_any_entry_is_found_there(place: int, field: str, value: str) -> None:
    entries = chain(10)
    if value == getattr(entries[place], field):
        return
    entries[place] = replace(entries[place], **{field: value})
    assert broken(entries) == place + 1


@given(place=st.integers(0, 8))
def test_an_altered_entry_with_a_hash_that_fits_is_found_at_the_next(place: int) -> None:
    entries = chain(10)
    entries[place] = rehashed(replace(entries[place], detail='{"n":99}'))
    assert broken(entries) == place + 2


@given(place=st.integers(0, 8))
def test_a_removed_entry_is_found_also_when_the_others_are_numbered_anew(place: int) -> None:
    entries = chain(10)
    del entries[place]
    assert broken(entries) == place + 1
    anew = [rehashed(replace(entry, seq=n)) for n, entry in enumerate(entries, 1)]
    assert broken(anew) == place + 1


@given(place=places)
def test_an_inserted_entry_is_found(place: int) -> None:
    entries = chain(10)
    before = entries[place - 1].head if place else EMPTY
    entries.insert(place, make_entry(before, "t", "cancelled", "job1", None, "{}"))
    assert broken(entries) == place + 2, "two entries of one number"
    anew = [rehashed(replace(entry, seq=n)) for n, entry in enumerate(entries, 1)]
    assert broken(anew) == place + 2


@given(first=places, second=places)
def test_exchanged_entries_are_found(first: int, second: int) -> None:
    entries = chain(10)
    if first == second:
        return
    entries[first], entries[second] = (
        rehashed(replace(entries[second], seq=first + 1)),
        rehashed(replace(entries[first], seq=second + 1)),
    )
    assert broken(entries) == min(first, second) + 1


@given(left=places)
def test_entries_removed_at_the_end_are_found_by_who_kept_a_head(left: int) -> None:
    entries = chain(10)
    kept = Witness("an export", entries[-1].head)
    assert broken(entries[:left]) is None, "the chain alone can't tell"
    found = walk(entries[:left], [kept])
    assert found.broken == left + 1
    assert "an export names entry 10" in (found.fault or "")


def test_a_log_that_was_rewritten_as_a_whole_is_found_by_who_kept_a_head() -> None:
    kept = Witness("an export", chain(10)[4].head)
    last, forged = EMPTY, []
    for entry in chain(10):
        forged.append(make_entry(last, entry.at, "cancelled", None, None, "{}"))
        last = forged[-1].head
    assert broken(forged) is None, "the chain alone can't tell"
    assert broken(forged, kept) == 5


def test_a_head_is_read_as_it_is_written_and_nothing_else_is() -> None:
    head = chain(3)[-1].head
    assert parse_head(f" {head}\n") == head
    for wrong in ("", "3", f"x:{head.hash}", f"3:{head.hash[1:]}", f"{'9' * 5000}:{head.hash}"):
        with pytest.raises(UserError, match="not a head"):
            parse_head(wrong)


@pytest.fixture
def database(place: Place) -> Database:
    return Database.create(place)


def note(database: Database, times: int = 1) -> LogHead:
    with database.write() as connection:
        for _ in range(times - 1):
            append(connection, "noted", None, {"b": 1, "a": "é"})
        return append(connection, "noted", None, {"b": 1, "a": "é"})


def test_a_log_begins_with_the_database(database: Database, place: Place) -> None:
    (first,) = AuditLog(place).chain()
    assert (first.seq, first.kind, first.detail) == (1, "log begun", '{"jobs_before":0}')


def test_what_is_appended_is_read_again(database: Database, place: Place) -> None:
    head = note(database)
    log = AuditLog(place)
    assert log.head() == head
    assert [entry.detail for entry in log.chain()][1] == '{"a":"\\u00e9","b":1}'
    assert log.verify([Witness("me", head)]).fault is None
    assert list(log.entries("2999")) == []
    assert len(list(log.entries("2026"))) == 2


def test_an_entry_is_gone_with_the_change_that_it_would_have_recorded(
    database: Database, place: Place
) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        append(connection, "noted", None, {})
        raise RuntimeError
    note(database)
    log = AuditLog(place)
    assert [entry.kind for entry in log.chain()] == ["log begun", "noted"]
    assert log.verify().fault is None


def test_a_long_log_costs_an_appender_no_more_than_a_short_one(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine, not in seconds."""
    database = Database.create(tmp_path / "state.db")

    def steps() -> int:
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        with database.write() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.set_progress_handler(count, 1)
            append(connection, "noted", None, {})
            raw.set_progress_handler(None, 1)
        return counted

    short = steps()
    note(database, 2000)
    assert steps() < 2 * short


@pytest.mark.parametrize(
    ("deed", "entry"),
    [
        ("UPDATE audit SET detail = '{}' WHERE seq = 3", 3),
        ("UPDATE audit SET detail = x'ff00' WHERE seq = 3", 3),
        ("UPDATE audit SET detail = cast(x'ff' AS TEXT) WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET seq = 99 WHERE seq = 5", 5),
        ("INSERT INTO audit SELECT 6, at, kind, job, sha256, detail, previous, hash FROM audit"
         " WHERE seq = 3", 6),
    ],
)  # fmt: skip
def test_what_is_done_to_the_table_is_found(tmp_path: Path, deed: str, entry: int) -> None:
    database = Database.create(tmp_path / "state.db")
    note(database, 4)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute(deed)
    found = AuditLog(tmp_path / "state.db").verify()
    assert found.broken == entry, found.fault
    assert str(entry) in (found.fault or "")
