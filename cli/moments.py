"""Times on the command line."""

import time

import click

from ..storage.times import parse_moment


class Moment(click.ParamType[float]):
    """A date, a date-time, or how long ago; seconds since 1970."""

    name = "time"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_moment(value, time.time())
        except ValueError:
            self.fail(
                f"{value!r} is no time; write one like 2026-05-04, 2026-05-04T03:02:01Z, or 7d or "
                "24h for so long ago",
                param,
                ctx,
            )


MOMENT = Moment()
