"""What a training run left in its folder."""

import csv
import json
from pathlib import Path
from typing import Any


def metrics_in(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "metrics.json").read_bytes())
    return record


def rows_in(run: Path) -> list[dict[str, str]]:
    with (run / "index.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def noted(run: Path) -> list[tuple[str, str]]:
    lines = (run / "journal.jsonl").read_text().splitlines()
    return [(json.loads(line)["step"], json.loads(line)["unit"]) for line in lines]
