"""Jobs that were under way in a backup wait again."""

from pathlib import Path

from sqlalchemy import insert, select

from ddaemon.storage.database import Database
from ddaemon.storage.snapshot import put_back
from ddaemon.storage.tables import audit, jobs


def test_jobs_under_way_wait_again_and_the_log_tells(tmp_path: Path) -> None:
    database = Database.create(tmp_path / "state.db")
    with database.write() as connection:
        for state in ("running", "publishing", "done", "cancelled"):
            row = dict.fromkeys(("bytes", "mtime_ns", "inode", "priority", "received_at"), 1)
            names = dict.fromkeys(("id", "sha256", "name", "state", "folder", "token"), state)
            rest = {"source": Path("/x"), "not_before": 5, "attempts": 1}
            connection.execute(insert(jobs).values(**row, **names, **rest))
    assert put_back(database, {}) == 2
    with database.read() as connection:
        found = connection.execute(select(jobs.c.id, jobs.c.state, jobs.c.attempts, jobs.c.folder))
        assert {row.id: tuple(row[1:]) for row in found} == {
            "running": ("pending", 0, None),
            "publishing": ("pending", 0, None),
            "done": ("done", 1, "done"),
            "cancelled": ("cancelled", 1, "cancelled"),
        }
        assert connection.execute(select(audit.c.kind)).scalars().all()[-1] == "restored"
    database.close()
