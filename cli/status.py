"""`ddaemon status`."""

import json
import time
from typing import Any

import click

from ..daemon.dispatch.free_space import space_shortage
from ..daemon.home.home import Home
from ..storage.job_reader import JobReader, JobView, ReviewView
from ..storage.text import printable
from ..storage.times import iso

FORMAT = 1
LAST_VERDICTS = 10
WATCH_EVERY_S = 1.0

StatusRow = dict[str, Any]


@click.command("status")
@click.argument("job", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON record (docs/status.schema.json)."
)
@click.option("--watch", is_flag=True, help="Refresh every second, until Ctrl-C.")
@click.pass_obj
def command(home: Home, job: str | None, as_json: bool, watch: bool) -> None:
    """Show whether a service is alive, what it runs, the jobs by state and the last verdicts; for
    one JOB, its history."""
    home.require()
    reader = JobReader(home.database)
    while True:
        record = job_record(reader, job) if job else service_record(home, reader)
        text = json.dumps(record) if as_json else _job_text(record) if job else _text(record)
        if watch and not as_json:
            click.clear()
        click.echo(text)
        if not watch:
            return
        time.sleep(WATCH_EVERY_S)


def service_record(home: Home, reader: JobReader) -> StatusRow:
    """The state of the whole home."""
    return {
        "format": FORMAT,
        "home": str(home.path),
        "service": _with_more(_service(home), home, reader),
        "counts": {state.value: number for state, number in reader.counts().items()},
        "running": [row_record(reader, row) for row in reader.running()],
        "last": [row_record(reader, row) for row in reader.last_ended(LAST_VERDICTS)],
    }


def job_record(reader: JobReader, job: str) -> StatusRow:
    """One job and its history."""
    row = reader.get(job)
    history = [
        {"at": iso(event.at), "kind": event.kind, "detail": event.detail}
        for event in reader.history(row.id)
    ]
    reviews = [review_record(review) for review in reader.reviews(row.id)]
    return {"format": FORMAT, **row_record(reader, row), "reviews": reviews, "history": history}


def _service(home: Home) -> StatusRow:
    nobody = {"alive": False, "since": None, "pid": None, "version": None}
    if not home.is_held() or not home.service_note.is_file():
        return {**nobody, "alive": home.is_held(), "arrivals": None, "trouble": []}
    note = json.loads(home.service_note.read_text(encoding="utf-8"))
    return {
        "alive": True,
        "since": note["started_at"],
        "pid": note["pid"],
        "version": note["version"],
        "arrivals": note["arrivals"],
        "trouble": note["trouble"],
    }


def _with_more(service: StatusRow, home: Home, reader: JobReader) -> StatusRow:
    """The record with trouble that does not need a service: failed notices, and a full disk, on
    which a service could not note it."""
    shortage = space_shortage(home.work if home.work.is_dir() else home.path)
    more = [*([shortage] if shortage else []), *map(_undelivered, reader.undelivered())]
    return {**service, "trouble": [*service["trouble"], *more]}


def _undelivered(failed: tuple[str, str, int, str | None]) -> str:
    target, state, number, answer = failed
    what = "given up (`ddaemon notify retry`)" if state == "given_up" else "not delivered so far"
    return f"{number} notice(s) to {target} {what}: {answer}"


def row_record(reader: JobReader, row: JobView) -> StatusRow:
    """A job as it stands now, with the review that counts."""
    reviews = reader.reviews(row.id)
    return {
        "job": row.id,
        "name": row.name,
        "sha256": row.sha256,
        "bytes": row.bytes,
        "state": row.state,
        "priority": row.priority,
        "stage": row.stage,
        "percent": row.percent,
        "attempts": row.attempts,
        "decision": row.decision,
        "reason": row.reason,
        "probability": row.probability,
        "folder": row.folder,
        "error": row.error,
        "received_at": iso(row.received_at),
        "started_at": _iso_or_none(row.started_at),
        "finished_at": _iso_or_none(row.finished_at),
        "review": review_record(reviews[-1]) if reviews else None,
    }


def review_record(review: ReviewView) -> StatusRow:
    return {
        "decision": review.decision,
        "by": review.by,
        "note": review.note,
        "at": iso(review.at),
    }


def _iso_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


def _text(record: StatusRow) -> str:
    counts = "  ".join(f"{state} {number}" for state, number in record["counts"].items())
    lines = [_service_line(record["service"]), counts]
    lines += [f"trouble: {printable(fault)}" for fault in record["service"]["trouble"]]
    if record["running"]:
        lines += ["", "now"] + [_running_line(row) for row in record["running"]]
    if record["last"]:
        lines += ["", "last"] + [line_of(row) for row in record["last"]]
    return "\n".join(lines)


def _service_line(service: StatusRow) -> str:
    if not service["alive"]:
        return "no service runs; start one with `ddaemon run`"
    if service["since"] is None:
        return "the service is starting"
    arrivals = service["arrivals"]
    coming = ", ".join(f"{number} {phase}" for phase, number in arrivals.items() if number)
    return f"service alive since {service['since']} (pid {service['pid']})" + (
        f"; arriving: {coming}" if coming else ""
    )


def _running_line(row: StatusRow) -> str:
    done = f"{row['percent'] or 0:3.0f} %"
    stage = printable(row["stage"] or "starting")
    return f"  {row['job']}  {done}  {stage:10}  {printable(row['name'])}"


def line_of(row: StatusRow) -> str:
    """A job in one line."""
    score = "" if row["probability"] is None else f"{row['probability']:.3f}"
    what = row["decision"] or row["state"]
    more = row["reason"] or (row["error"] if row["state"] != "done" else None) or ""
    return (
        f"  {row['job']}  {what:14} {score:5}  {printable(row['name'])}"
        + (f"  ({printable(more)})" if more else "")
        + (f"  [reviewed: {row['review']['decision']}]" if row["review"] else "")
    )


def review_line(review: StatusRow) -> str:
    """A review in one line."""
    return (
        f"  {review['at']}  {review['decision']:12} by {printable(review['by'])}: "
        f"{printable(review['note'])}"
    )


def _job_text(record: StatusRow) -> str:
    lines = [line_of(record).strip(), f"sha256 {record['sha256']}  {record['bytes']} bytes"]
    if record["folder"]:
        lines.append(f"folder {record['folder']}")
    if record["reviews"]:
        lines += ["reviews (the last one counts)"] + [review_line(r) for r in record["reviews"]]
        lines.append("history")
    lines += [
        f"  {event['at']}  {event['kind']:12} {printable(event['detail'])}"
        for event in record["history"]
    ]
    return "\n".join(lines)
