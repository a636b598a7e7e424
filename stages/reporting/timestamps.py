"""Times as people read them, and where to put marks on an axis of time."""

import math
from datetime import datetime

STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)


def clock(seconds: float, digits: int = 1) -> str:
    """m:ss, with hours where there are any; `digits` after the point where there is room."""
    ticks = round(seconds * 10**digits)
    whole, part = divmod(ticks, 10**digits)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
    return f"{text}.{part:0{digits}}" if digits else text


def moment(text: str) -> str:
    """A time of the record (ISO 8601, UTC) without its fraction."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


def marks(until: float, most: int) -> list[tuple[float, str]]:
    """At most `most` round times from 0 to `until` (seconds), each with its words."""
    step = next((step for step in STEPS_S if until / step < most), None)
    if step is None:
        hour = STEPS_S[-1]
        step = hour * math.ceil(until / hour / (most - 1))
    digits = 1 if step < 1 else 0
    return [(i * step, clock(i * step, digits)) for i in range(math.floor(until / step) + 1)]
