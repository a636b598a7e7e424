"""Schema 2: every verdict of a job, reruns, reviews, notices, and the audit log."""

import sqlalchemy as sa
from alembic import op

from ddaemon.storage import audit

revision = "0002"
down_revision = "0001"

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Which detector judged was not noted then.
TAKE_OVER = """
INSERT INTO verdicts (job, number, decision, reason, probability, folder, finished_at)
SELECT id, 1, decision, reason, probability, folder, finished_at FROM jobs WHERE state = 'done'
"""


def upgrade() -> None:
    _make_verdicts()
    _make_reruns_and_reviews()
    _make_notices()
    _make_audit()
    audit.begin(op.get_bind())
    op.execute(TAKE_OVER)


def _job(*, key: bool) -> "sa.Column[str]":
    job = sa.ForeignKey("jobs.id", ondelete="CASCADE")
    return sa.Column("job", sa.Text, job, primary_key=key, nullable=False)


def _make_verdicts() -> None:
    op.create_table(
        "verdicts",
        _job(key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("probability", sa.Float),
        sa.Column("detector", sa.Text),
        sa.Column("detector_version", sa.Text),
        sa.Column("detector_sha256", sa.Text),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Float, nullable=False),
    )
    op.create_index("ix_verdicts_finished_at", "verdicts", ["finished_at"])


def _make_reruns_and_reviews() -> None:
    op.create_table(
        "reruns",
        _job(key=True),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("id", Long, primary_key=True),
        _job(key=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("ix_reviews_job", "reviews", ["job"])


def _make_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("delivered_at", sa.Float),
    )
    op.create_index("ix_notices_job", "notices", ["job"])
    op.create_index("notices_by_turn", "notices", ["state", "not_before"])


def _make_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", Long, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("job", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_job", "audit", ["job"])
    op.create_index("ix_audit_sha256", "audit", ["sha256"])
