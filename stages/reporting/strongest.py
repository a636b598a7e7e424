"""The frames that spoke most for a fake, as the page shows them."""

from dataclasses import dataclass
from pathlib import Path

from ...record.schema import HeatmapPart, Verdict
from .pictures import Picture, embed
from .timestamps import clock

SHEET = "heatmap.png"
MOST = 4  # pairs at full size; of more there is the contact sheet


@dataclass(frozen=True, slots=True)
class Strongest:
    """One explained frame: with its heat, and plain where that was kept."""

    caption: str
    heated: Picture | None
    plain: Picture | None
    remark: str | None  # whether its map can be trusted


def strongest_of(record: Verdict, folder: Path) -> list[Strongest]:
    """The first `MOST` heatmaps, which come as they were ranked."""
    entries = enumerate(record["heatmaps"][:MOST], start=1)
    return [_strongest(number, entry, record, folder) for number, entry in entries]


def sheet_of(record: Verdict, folder: Path) -> Picture | None:
    """The contact sheet, if there is one."""
    rows = len(record["heatmaps"])
    alt = (
        f"Contact sheet of {rows} explained frame(s), the one that spoke most for a fake first. "
        "In each row from left to right: the whole frame, the face, and the face with its heatmap."
    )
    return embed(folder, SHEET, alt) if rows else None


def _strongest(number: int, entry: HeatmapPart, record: Verdict, folder: Path) -> Strongest:
    place = f"person {entry['track']} at {clock(entry['t'])}"
    said = _said(entry, record)
    method = f", method {entry['method']}" if entry.get("method") else ""
    alt = (
        f"The video's frame with the face of {place} outlined. Colours over the face show what "
        f"raised the fake score, from blue for little to red for most. {said}"
    )
    plain, faithfulness = entry.get("frame_file"), entry.get("faithfulness")
    return Strongest(
        caption=f"{number}. Person {entry['track']} at {clock(entry['t'])}{method}. {said}",
        heated=embed(folder, entry["file"], alt),
        plain=embed(folder, plain, f"The same frame of {place} as it is, without colours.")
        if plain
        else None,
        remark=faithfulness["text"] if faithfulness else None,
    )


def _said(entry: HeatmapPart, record: Verdict) -> str:
    """The numbers of the frame that a heatmap explains."""
    frames = (
        frame
        for face in record["faces"]
        if face["track"] == entry["track"]
        for frame in face["frames"]
        if abs(frame["t"] - entry["t"]) < 1e-6
    )
    frame = next(frames, None)
    if frame is None:
        return ""
    return f"Score of this frame {frame['score']:.2f}, attention {frame['attention']:.3f}."
