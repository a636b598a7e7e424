"""Times as they are written down: ISO 8601, UTC, to the millisecond."""

from datetime import UTC, datetime


def iso(seconds: float) -> str:
    """Seconds since 1970, such as 2026-05-04T03:02:01.000Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
