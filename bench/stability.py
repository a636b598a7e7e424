"""Judges every clip of a labelled folder as it is and changed, and counts decisions that turn.

    .venv/bin/python bench/stability.py ../shared/data/clips --csv stability.csv

The folder is one for `score_clips.py`. Each clip is judged as it is, encoded anew by H.264 at CRF
32, halved in size, and brightened by a fifth; the last two at CRF 18, which alone costs little.
These are whole clips, written anew and judged as strangers would send them: the stage `stability`
changes single sampled frames instead, so that it need not write a video.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from labelled_clips import Row, read_rows, rewrite_clip, write_rows

from ddaemon.daemon.home.config import Config
from ddaemon.daemon.verify.checker import Checker
from ddaemon.stages.media.video import Image
from ddaemon.stages.stability import ALTERATIONS, CRF, OTHER_SIDE
from ddaemon.storage.registry import Registry

LITTLE = 18  # CRF: what is left looks as before
AS_IT_IS = "as it is"
CHANGES: Mapping[str, tuple[Callable[[Image], Image], int]] = {
    "reencoded": (lambda image: image, CRF),
    "halved": (ALTERATIONS["halved"], LITTLE),
    "brightened": (ALTERATIONS["brightened"], LITTLE),
}
COUNTED = {
    "decided": "decided before",
    "same": "same after",
    "flipped": "fake<->real",
    "inconclusive": "to inconclusive",
    "not_analysable": "to not analysable",
    "newly": "newly decided",
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--detector", help="By default the bundled one.")
@click.option("--home", type=click.Path(path_type=Path), help="Whose registry has the detector.")
@click.option("--frames", default=32, show_default=True)
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Also write every score.")
def main(
    folder: Path, detector: str | None, home: Path | None, frames: int, table: Path | None
) -> None:
    registry = Registry(home / "detectors") if home else Registry.of_bundled()
    chosen = registry.get(detector) if detector else registry.active()
    config = Config.model_validate({"frames": {"count": frames}})
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory() as scratch,
        Checker(config, chosen, [folder, Path(scratch)]) as checker,
    ):
        for clip in read_rows(folder):
            rows += _judge_all(checker, folder / clip["path"], clip, Path(scratch))
    if table:
        write_rows(table, rows)
    print(f"{chosen.name} {chosen.record.version}, {frames} frames, {len(read_rows(folder))} clips")
    _print_table(rows)


def _judge_all(checker: Checker, video: Path, clip: Row, scratch: Path) -> list[Row]:
    """One row for the clip as it is, and one for each change."""
    rows = [_judge(checker, video, clip, AS_IT_IS)]
    for name, (change, crf) in CHANGES.items():
        changed = rewrite_clip(video, scratch / "clip.mp4", change, crf)
        rows.append(_judge(checker, changed, clip, name))
    return rows


def _judge(checker: Checker, video: Path, clip: Row, change: str) -> Row:
    record = checker.check(video)
    row = {key: clip[key] for key in ("path", "label", "kind", "group")} | {"change": change}
    row |= {key: record[key] for key in ("decision", "reason", "probability")}
    envelope = record["envelope"]
    row["outside"] = " ".join(one["measure"] for one in envelope["outside"]) if envelope else ""
    print(clip["path"], change, record["decision"], record["probability"], file=sys.stderr)
    return row


def count_turns(rows: list[Row], change: str) -> dict[str, int]:
    """Of the clips that are decided as they are: what becomes of the decisions under a change;
    and how many others a change brings to a decision."""
    before = {row["path"]: row["decision"] for row in rows if row["change"] == AS_IT_IS}
    counts = dict.fromkeys(COUNTED, 0)
    for row in rows:
        first, now = before[row["path"]], row["decision"]
        if row["change"] != change:
            continue
        if first not in OTHER_SIDE:
            counts["newly"] += now in OTHER_SIDE
            continue
        turned = "same" if now == first else "flipped" if now == OTHER_SIDE[first] else now
        counts["decided"] += 1
        counts[turned] += 1
    return counts


def _print_table(rows: list[Row]) -> None:
    print(f"{'change':12}" + "".join(f"{told:>18}" for told in COUNTED.values()))
    for change in CHANGES:
        counts = count_turns(rows, change)
        print(f"{change:12}" + "".join(f"{counts[name]:18}" for name in COUNTED))


if __name__ == "__main__":  # the checker's spawned worker imports this file again
    main()
