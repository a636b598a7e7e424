"""The report of a run or an evaluation: `report.html`, `metrics.json` and the diagrams."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...stages.pages import open_templates
from ...storage.errors import UserError
from .diagrams import draw_pictures
from .material import ReportMaterial
from .metrics import measure
from .report_page import strict
from .sections import make_sections
from .summary import verdict_sentence

__all__ = ["ReportMaterial", "write_report"]

TEMPLATE = "report.html.j2"
HTML_FILE, METRICS_FILE = "report.html", "metrics.json"


def write_report(folder: Path, report: ReportMaterial, seed: int) -> dict[str, Any]:
    """Measure, draw and write. The page is written last: where it exists, everything does.

    Returns what `metrics.json` holds. `seed` is that of the bootstrap. Raises `UserError` when
    nothing was judged, or only reals or only fakes.
    """
    if not report.judged:
        raise UserError("nothing was judged: a report needs real and fake videos")
    folder.mkdir(parents=True, exist_ok=True)
    measured = [measure(one, seed) for one in report.judged]
    for one in measured:
        one["verdict"] = verdict_sentence(one) + _leaking(report)
    metrics = _metrics(report, measured)
    pictures = draw_pictures(folder, report, measured)
    sections = make_sections(report, measured, pictures)
    html = _render(folder, report, [one["verdict"] for one in measured], sections)
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    _write(folder / METRICS_FILE, text + "\n")
    _write(folder / HTML_FILE, html)
    return metrics


def _leaking(report: ReportMaterial) -> str:
    """A warning for the first line, where no figure may stand without its fault."""
    return " But its splits leak: the figures are too good." if report.findings.get("leaks") else ""


def _metrics(report: ReportMaterial, measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = strict(
        {
            "title": report.title,
            "made_by": report.made_by,
            "verdicts": [one["verdict"] for one in measured],
            "judged": [
                {**figures, "left_out": judged.left_out}
                for figures, judged in zip(measured, report.judged, strict=True)
            ],
            "leaks": report.findings.get("leaks"),
            "seed_protocol": report.seed_protocol,
            "envelope": report.envelope and report.envelope.model_dump(mode="json"),
            "epochs": report.curves,
            "trials": report.trials,
            "notes": report.notes,
        }
    )
    return dict(found)


def _render(
    folder: Path, report: ReportMaterial, verdicts: Sequence[str], sections: Sequence[Any]
) -> str:
    def data_uri(file: str) -> str:
        return "data:image/png;base64," + base64.b64encode((folder / file).read_bytes()).decode()

    environment = open_templates(Path(__file__).parent)
    environment.filters["data_uri"] = data_uri
    page = environment.get_template(TEMPLATE)
    return page.render(report=report, verdicts=verdicts, sections=sections)


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
