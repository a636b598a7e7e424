"""The parts of the report's page, in the order in which they are read."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...stages.pages import NOTHING, Table, flat_rows, plain, words
from .envelope_fit import envelope_table
from .figure_tables import (
    classification_table,
    confusion_table,
    cross_table,
    decisions_table,
    differences_table,
    figures_table,
    sides_table,
    trait_tables,
)
from .material import ReportMaterial
from .metrics import Figures
from .parts import FEWEST_VIDEOS
from .report_page import Diagram, PageSection

Pictures = Mapping[str, Diagram]
NO_LEAK = "No group and no near-duplicate lies in two splits."
NOT_LOOKED = "Nobody looked for leaks here: whether these videos were learned from is not known."
ENVELOPE_TOLD = (
    "A video whose deciding face lies outside is inconclusive in a verdict, whatever its score: "
    "{share:.1%} of these videos lie inside all bounds. The decisions and error rates above are "
    "those of the scores alone. The tables of where it is weak compare inside and outside."
)
APART = ("leaks", "warnings", "unreadable")  # findings with sections of their own


def make_sections(
    report: ReportMaterial, measured: Sequence[Figures], pictures: Pictures
) -> list[PageSection]:
    """All sections that are not empty."""
    return [
        *_of_notes(report),
        *_of_seed(report),
        _of_figures(measured),
        _of_decisions(measured, pictures),
        _of_diagrams(pictures),
        *_of_traits(measured),
        *_of_envelope(report),
        _of_leaks(report),
        _of_left_out(report),
        *_of_data(report, pictures),
        *_of_training(report, pictures),
    ]


def _of_notes(report: ReportMaterial) -> Iterator[PageSection]:
    leaks = report.findings.get("leaks") or []
    alarms = [f"Leaks between the splits, {len(leaks)} in all: {leaks[0]}"] if leaks else []
    if alarms or report.notes:
        yield PageSection("Read this first", texts=report.notes, alarms=alarms)


def _of_seed(report: ReportMaterial) -> Iterator[PageSection]:
    if report.seed_protocol:
        shown = dict(report.seed_protocol)
        why = shown.pop("why")
        table = sides_table("The same data, judged by two protocols", shown)
        yield PageSection("The seed's protocol beside the sound one", texts=why, tables=[table])


def _of_figures(measured: Sequence[Figures]) -> PageSection:
    datasets = list(dict.fromkeys(one["dataset"] for one in measured))
    tables = [cross_table(measured)] if len(measured) > 1 else []
    for dataset in datasets:
        tables.append(figures_table(dataset, [m for m in measured if m["dataset"] == dataset]))
    tables += [table for one in measured if (table := differences_table(one))]
    texts = [_describe_bootstrap(one) for one in measured] + [
        f"{NOTHING} stands where a figure makes no sense: baselines give an order, no calibrated "
        "probability. The majority class is that of these very videos. With few videos chance "
        "alone makes the calibration error (ECE) larger than 0."
    ]
    return PageSection("Figures", texts=list(dict.fromkeys(texts)), tables=tables)


def _describe_bootstrap(one: Figures) -> str:
    return (
        f"{one['dataset']}: in brackets are 95 % intervals, {one['resamples']} times drawn anew "
        f"from {one['groups']} groups (identities or source clips), {one['redrawn']} draws again "
        "because they lacked a label."
    )


def _of_decisions(measured: Sequence[Figures], pictures: Pictures) -> PageSection:
    tables = []
    for one in measured:
        tables += [decisions_table(one), confusion_table(one), classification_table(one)]
    text = (
        "In brackets are Wilson's 95 % intervals. They take videos for independent: where many are "
        "of one person, the truth may lie further away."
    )
    return PageSection("Decisions", texts=[text], tables=tables, pictures=[pictures["confusion"]])


def _of_diagrams(pictures: Pictures) -> PageSection:
    names = ("roc", "precision_recall", "reliability", "scores")
    return PageSection("Diagrams", pictures=[pictures[name] for name in names])


def _of_traits(measured: Sequence[Figures]) -> Iterator[PageSection]:
    tables = [table for one in measured for table in trait_tables(one)]
    if tables:
        text = (
            f"{NOTHING} stands where there are fewer than {FEWEST_VIDEOS} videos. Fakes of one "
            "method are ranked against all reals."
        )
        yield PageSection("Where it is weak", texts=[text], tables=tables)


def _of_envelope(report: ReportMaterial) -> Iterator[PageSection]:
    if report.envelope is not None:
        texts = [report.envelope.rule, ENVELOPE_TOLD.format(share=report.envelope.within)]
        tables = [envelope_table(report.envelope)]
        yield PageSection("Operating envelope", texts=texts, tables=tables)


def _of_leaks(report: ReportMaterial) -> PageSection:
    if "leaks" not in report.findings:
        return PageSection("Leakage check", texts=[NOT_LOOKED])
    leaks = [str(leak) for leak in report.findings["leaks"]]
    return PageSection("Leakage check", texts=[] if leaks else [NO_LEAK], alarms=leaks)


def _of_left_out(report: ReportMaterial) -> PageSection:
    tables = []
    for one in report.judged:
        rows = list(one.left_out.items())
        caption = f"{one.detector} on {one.dataset}: {len(rows)} without a judgement"
        tables += [Table(caption, ["video", "why"], rows)] if rows else []
    if unreadable := report.findings.get("unreadable"):
        rows = [(path, plain(why)) for path, why in unreadable.items()]
        tables.append(Table("Not readable when the index was made", ["file", "why"], rows))
    texts = [] if tables else ["Everything could be judged."]
    return PageSection("What could not be judged", texts=texts, tables=tables)


def _of_data(report: ReportMaterial, pictures: Pictures) -> Iterator[PageSection]:
    shown = {name: value for name, value in report.findings.items() if name not in APART}
    tables = [Table("What the index found", ["", ""], list(flat_rows(shown)))] if shown else []
    drawn = [pictures["labels"]] if "labels" in pictures else []
    warnings = [str(warning) for warning in report.findings.get("warnings", ())]
    if tables or drawn or warnings:
        yield PageSection("Data", texts=warnings, tables=tables, pictures=drawn)


def _of_training(report: ReportMaterial, pictures: Pictures) -> Iterator[PageSection]:
    if "training_curves" in pictures:
        yield PageSection("Training", pictures=[pictures["training_curves"]])
    if report.recipe:
        table = Table("Settings of this run", ["setting", "value"], list(flat_rows(report.recipe)))
        yield PageSection("Recipe", tables=[table])
    if report.trials:
        yield PageSection("Tuner", tables=[_trials_table(report.trials)])


def _trials_table(trials: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for trial in trials for name in trial["settings"]))
    failed = [trial for trial in trials if not math.isfinite(trial["score"])]
    scored = [trial for trial in trials if math.isfinite(trial["score"])]
    best_first = sorted(scored, key=lambda trial: trial["score"], reverse=True) + failed
    rows = [
        [plain(trial["score"]), *(plain(trial["settings"].get(name)) for name in names)]
        for trial in best_first
    ]
    caption = f"{len(trials)} trials, the best on validation first: it is chosen, so it flatters"
    return Table(caption, ["score", *(words(name) for name in names)], rows)
