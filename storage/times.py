"""Times as they are written down: ISO 8601, UTC, to the millisecond."""

import re
from datetime import UTC, datetime

AGO = re.compile(r"([0-9]{1,9})([smhdw])")
UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def iso(seconds: float) -> str:
    """Seconds since 1970, such as 2026-05-04T03:02:01.000Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(text: str, now: float) -> float:
    """Seconds since 1970 of an ISO 8601 date or date-time, or of `7d` (that long before `now`).

    Without a zone it is UTC; a moment before 1970 becomes the start of 1970. Raises ValueError.
    """
    if ago := AGO.fullmatch(text.strip()):
        return max(0.0, now - int(ago[1]) * UNIT_S[ago[2]])
    moment = datetime.fromisoformat(text.strip())
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
