"""The tables of the page, from the record alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...record.file import VERDICT_FILE
from ...record.schema import CustodyEntry, ExaminationPart, FacePart, OutlierPart, Verdict
from ...record.words import percent, rate_of
from ...storage.content import hash_file
from ...storage.detector_record import DetectorRecord
from ...storage.text import printable
from ..pages import NOTHING, Table, flat_rows, plain, words
from .timestamps import clock

PAGE_FILE = "report.html"
# A stranger decides how many tags there are and how long they get; the record has them all.
MOST_ROWS = 200
MOST_LETTERS = 1000  # of one cell
MOST_FILES = 60  # rows


def people_table(record: Verdict) -> Table:
    """Who was judged: the timeline in numbers."""
    return Table(
        "The people who were judged; the highest score decides",
        ("Person", "Score", "Seen", "Scores of single frames"),
        [_person(face) for face in record["faces"]],
    )


def examined_tables(record: Verdict) -> Iterator[Table]:
    """What the file is: container, streams, tags, traces of editing, provenance, and facts that
    third-party stages found."""
    container = record["input"]["container"]
    if container:
        yield _pairs("The container, as it describes itself", container)
    if examination := record.get("examination"):
        yield from _header_tables(examination)
    if record.get("provenance"):
        yield _pairs("Provenance (C2PA)", record["provenance"])
    if record["facts"]:
        yield _pairs("Found by third-party stages", record["facts"])


def _header_tables(examination: ExaminationPart) -> Iterator[Table]:
    for stream in examination["streams"]:
        yield _pairs(f"Stream {stream['index']}: {stream['kind']}", stream)
    if examination["tags"]:
        yield _pairs("Tags that the file carries; anybody can write them", examination["tags"])
    if examination["traces"]:
        rows = [(plain(trace["kind"]), plain(trace["text"])) for trace in examination["traces"]]
        yield Table("Traces of editing", ("Kind", "What was found"), _cut(rows, MOST_ROWS))


def envelope_tables(record: Verdict) -> Iterator[Table]:
    """Where the video lies outside of what the detector was measured on, and other looks at it."""
    envelope, stability = record.get("envelope"), record.get("stability")
    if envelope and envelope["outside"]:
        yield Table(
            "Outside of what the detector was measured on",
            ("Measure", "This video", "Measured on"),
            [_outside(one) for one in envelope["outside"]],
        )
    if envelope:
        yield _pairs("Measures of this video", envelope["measures"])
    if stability:
        rows = [(plain(one["name"]), plain(one["decision"]), plain(one["probability"]))
                for one in stability["looks"]]  # fmt: skip
        yield Table("The same video, looked at in other ways", ("Look", "Decision", "Score"), rows)


def how_tables(record: Verdict) -> Iterator[Table]:
    """Which stages looked, how long, with which settings and software."""
    *before, closing = record["stages"]
    rows = [(one["name"], one["version"], f"{one['seconds']:.3f}") for one in before]
    rows.append((closing["name"], closing["version"], f"makes this page; see {VERDICT_FILE}"))
    yield Table("Stages in their order", ("Stage", "Version", "Seconds"), rows)
    if record.get("settings"):
        yield _pairs("Settings needed to repeat the examination", record["settings"])
    yield _pairs("Software", record["software"])


def detector_table(record: Verdict, card: DetectorRecord | None) -> Table:
    """What judged, and how often it is wrong."""
    thresholds, judged = record["thresholds"], record["detector"]
    rows = [("Name", f"{judged['name']} {judged['version']}"), ("Backbone", judged["backbone"])]
    if card is not None:
        rows += [
            ("What it is", card.description),
            ("Learned from", "; ".join(card.data) or NOTHING),
            ("Licence", card.licence),
            ("Made at", card.created_at),
        ]
    rows += [
        ("Says fake from", f"{thresholds['fake']:.3f}"),
        ("Real videos called fake", f"{rate_of(thresholds, 'false_positive')}, 95 % interval"),
        ("Says real up to", f"{thresholds['real']:.3f}"),
        ("Fakes called real", f"{rate_of(thresholds, 'false_negative')}, 95 % interval"),
        ("Inconclusive", percent(thresholds["inconclusive_rate"])),
        ("Measured on", f"{thresholds['videos']} videos: {thresholds['measured_on']}"),
        ("SHA-256 of its record", judged["sha256"]),
    ]
    return Table("The detector", ("What", "Value"), rows)


def reviews_table(reviews: Sequence[tuple[str, str, str, str]]) -> Table:
    """What people said: when, who, what they found and why."""
    rows = [tuple(printable(part) for part in review) for review in reviews]
    return Table("Reviews by people, the latest last", ("At", "Who", "Found", "Why"), rows)


def custody_tables(record: Verdict, folder: Path) -> Iterator[Table]:
    """Whose bytes these are, what happened when, and the hashes of what lies in the folder."""
    source = record["input"]
    rows = [
        ("File", source["name"]),
        ("Bytes", f"{source['bytes']}"),
        ("SHA-256", source["sha256"]),
        ("Job", plain(record["job"])),
        ("Attempts", f"{record['attempts']}"),
    ]
    yield Table("The file that was examined", ("What", "Value"), rows)
    steps = record.get("custody") or _steps(record)
    yield Table(
        "What happened when (UTC)",
        ("At", "What", "Detail"),
        [(plain(one["at"]), plain(one["what"]), plain(one["detail"])) for one in steps],
    )
    hashes = file_hashes(record, folder)
    if hashes:
        yield Table(
            "Files of this folder", ("File", "SHA-256"), _cut(list(hashes.items()), MOST_FILES)
        )


def file_hashes(record: Verdict, folder: Path) -> dict[str, str]:
    """Of every file but the page and the record, which can't hold their own."""
    known = record.get("files")  # empty while the folder still grows
    if not known:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        known = {path.relative_to(folder).as_posix(): hash_file(path) for path in paths}
    return {name: digest for name, digest in known.items() if name not in (PAGE_FILE, VERDICT_FILE)}


def _person(face: FacePart) -> tuple[str, ...]:
    frames = face["frames"]
    scores = [frame["score"] for frame in frames]
    seen = f"{len(frames)} frames, {clock(frames[0]['t'])} to {clock(frames[-1]['t'])}"
    return (
        f"{face['track']}",
        f"{face['probability']:.3f}",
        seen,
        f"{min(scores):.2f} to {max(scores):.2f}",
    )


def _outside(one: OutlierPart) -> tuple[str, ...]:
    span = f"{plain(one['low'])} to {plain(one['high'])}"
    return words(one["measure"]), f"{plain(one['value'])}. {one['text']}", span


def _steps(record: Verdict) -> list[CustodyEntry]:
    """What the record says of times where nobody kept a chain of custody."""
    return [
        {"at": record["input"]["received_at"], "what": "received", "detail": ""},
        {"at": record["started_at"], "what": "examination began", "detail": ""},
        {"at": record["finished_at"], "what": "judged", "detail": ""},
    ]


def _pairs(caption: str, value: Any) -> Table:
    return Table(caption, ("What", "Value"), _cut(list(flat_rows(value)), MOST_ROWS))


def _cut(rows: Sequence[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """No more rows than `most`, nor letters than `MOST_LETTERS`; what is left out is said."""
    kept = [(_shortened(name), _shortened(value)) for name, value in rows[:most]]
    more = len(rows) - most
    return kept if more <= 0 else [*kept, (f"{more} more", f"listed in {VERDICT_FILE}")]


def _shortened(text: str) -> str:
    more = len(text) - MOST_LETTERS
    return text if more <= 0 else f"{text[:MOST_LETTERS]}… ({more} more letters)"
