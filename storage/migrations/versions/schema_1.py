"""Schema 1: jobs, their events, and the known files of the inbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("bytes", Long, nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
        sa.Column("mtime_ns", Long, nullable=False),
        sa.Column("inode", Long, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("token", sa.Text),
        sa.Column("lease_until", sa.Float),
        sa.Column("stage", sa.Text),
        sa.Column("percent", sa.Float),
        sa.Column("started_at", sa.Float),
        sa.Column("finished_at", sa.Float),
        sa.Column("decision", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("probability", sa.Float),
        sa.Column("folder", sa.Text),
        sa.Column("error", sa.Text),
    )
    op.create_index("jobs_by_turn", "jobs", ["state", "priority", "received_at"])
    op.create_index("jobs_by_end", "jobs", ["state", "finished_at"])
    op.create_table(
        "events",
        sa.Column("id", Long, primary_key=True),
        sa.Column("job", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_events_job", "events", ["job"])
    op.create_table(
        "files",
        sa.Column("path", sa.LargeBinary, primary_key=True),
        sa.Column("size", Long, nullable=False),
        sa.Column("mtime_ns", Long, nullable=False),
        sa.Column("inode", Long, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
    )
    op.create_index("ix_files_job", "files", ["job"])
