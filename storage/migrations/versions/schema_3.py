"""Schema 3: which home a job, notice or known file belongs to, where several use one database.

Older rows belong to the only home there was, which takes them over at its next start
(`Queue.adopt`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # SQLite can't add to a primary key; and a table of jobs that is dropped would take its events.
    op.add_column("jobs", sa.Column("holder", sa.Text))
    op.add_column("notices", sa.Column("holder", sa.Text))
    op.drop_index("ix_files_job", "files")
    op.rename_table("files", "files_of_one_home")
    op.create_table(
        "files",
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("path", sa.LargeBinary, primary_key=True),
        sa.Column("size", Long, nullable=False),
        sa.Column("mtime_ns", Long, nullable=False),
        sa.Column("inode", Long, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO files SELECT '', path, size, mtime_ns, inode, job FROM files_of_one_home"
    )
    op.drop_table("files_of_one_home")
    op.create_index("ix_files_job", "files", ["job"])
    op.create_index("jobs_by_arrival", "jobs", ["state", "received_at"])
