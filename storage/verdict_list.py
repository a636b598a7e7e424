"""The verdicts of a period, read without SQLAlchemy (`reading.py` says why)."""

from collections.abc import Iterator
from dataclasses import dataclass

from .place import Place
from .reading import open_checked

# A file last written by a ddaemon that had no table of verdicts has only the current ones.
FROM_JOBS = """SELECT id AS job, 1 AS number, decision, reason, probability, folder, finished_at,
    NULL AS detector, NULL AS detector_version, NULL AS detector_sha256
    FROM jobs WHERE state = 'done'"""
FROM_VERDICTS = "SELECT * FROM verdicts"
FROM_REVIEWS = """SELECT job, decision, "by", note, at FROM reviews
    WHERE id IN (SELECT max(id) FROM reviews GROUP BY job)"""
NO_REVIEWS = 'SELECT NULL AS job, NULL AS decision, NULL AS "by", NULL AS note, NULL AS at'
STATEMENT = """
WITH review AS ({reviews}),
verdict AS ({verdicts}),
ended AS (
    SELECT job, number, decision, reason, probability, folder, finished_at, NULL AS error,
        detector, detector_version, detector_sha256,
        CASE WHEN number = max(number) OVER (PARTITION BY job) THEN 1 ELSE 0 END AS current
    FROM verdict
    UNION ALL
    SELECT id, NULL, NULL, reason, NULL, folder, finished_at, error, NULL, NULL, NULL, 1
    FROM jobs WHERE state = 'quarantined'
)
SELECT ended.job, name, sha256, received_at, ended.finished_at, state, number, current,
    ended.decision, ended.reason, ended.probability, ended.folder, ended.error,
    detector, detector_version, detector_sha256,
    review.decision, review."by", review.note, review.at
FROM ended JOIN jobs ON jobs.id = ended.job LEFT JOIN review ON review.job = ended.job
WHERE ended.finished_at >= ? AND ended.finished_at < ?
ORDER BY ended.finished_at, ended.job, number
"""


@dataclass(frozen=True, slots=True)
class VerdictView:
    """One verdict, or the end of a job in the quarantine. Times are seconds since 1970."""

    job: str
    name: str
    sha256: str
    received_at: float
    finished_at: float
    state: str  # of the job, now
    number: int | None  # of the verdict among the job's; None in the quarantine
    current: int  # 1, or 0 when a later verdict took its place
    decision: str | None
    reason: str | None
    probability: float | None
    folder: str | None
    error: str | None
    detector: str | None  # None: it was not noted
    detector_version: str | None
    detector_sha256: str | None
    human_decision: str | None  # of the job's latest review, if there is one
    human_by: str | None
    human_note: str | None
    human_at: float | None


class VerdictList:
    """Reads one database. Raises `HomeError` when the file is missing, damaged or too new."""

    def __init__(self, place: Place) -> None:
        self._reader = open_checked(place)

    def close(self) -> None:
        self._reader.close()

    def between(self, since: float, until: float) -> Iterator[VerdictView]:
        """What ended from `since` on and before `until`, in order of its end, one row at a time."""
        tables = self._reader.tables()
        statement = STATEMENT.format(
            verdicts=FROM_VERDICTS if "verdicts" in tables else FROM_JOBS,
            reviews=FROM_REVIEWS if "reviews" in tables else NO_REVIEWS,
        )
        return (VerdictView(*row) for row in self._reader.rows(statement, since, until))
