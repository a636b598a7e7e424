"""The step `evaluate`: calibrate and choose thresholds on validation, measure on test, report."""

import csv
import json
from dataclasses import replace
from typing import Any

import numpy as np

from ...stages.networks.arrays import part, read_arrays
from ...stages.networks.head import Head
from ...storage.detector_record import CalibrationRecord, EnvelopeRecord, ThresholdsRecord
from ...storage.text import cell
from ..datasets.rows import TEST, VAL
from ..evaluation.calibration import choose_thresholds, fit_calibration, rate_thresholds
from ..evaluation.envelope_fit import learn_envelope
from ..evaluation.evaluation_report import write_report
from ..evaluation.judged import Judged
from ..evaluation.material import ReportMaterial
from ..judging.judging import HeadJudge, calibrated, labels, make_judged
from ..judging.scoring import Scores, score_videos
from ..run.folder import write_json
from .context import (
    CALIBRATION_FILE,
    ENVELOPE_FILE,
    FIT_FILE,
    HEAD_FILE,
    LOGISTIC_FILE,
    SCORES_FILE,
    SEED_FILE,
    THRESHOLDS_FILE,
    RunContext,
)


def evaluate(context: RunContext) -> None:
    """Writes report.html with its PNGs, metrics.json and scores.csv."""
    head = Head(part(read_arrays(context.run.fit / HEAD_FILE), ""))
    val, test = _score(context, VAL, head), _score(context, TEST, head)
    calibration = _calibrate(context, val)
    chosen, measured = _thresholds(context, calibration, val, test)
    _keep(context, calibration, chosen, measured)
    logistic = part(read_arrays(context.run.fit / LOGISTIC_FILE), "")
    judge = HeadJudge(context.run.name, head, context.pooling, calibration, measured, logistic)
    envelope = _envelope(context, judge, val)
    judge = replace(judge, envelope=envelope)
    judged = {
        split: make_judged(
            judge, context.dataset_name, context.collected, context.places(split), scores
        )
        for split, scores in ((VAL, val), (TEST, test))
    }
    _write_scores(context, judged)
    write_report(context.run.folder, _report(context, judged[TEST], envelope), context.recipe.seed)
    context.announce(f"report: {context.run.report}")


def _score(context: RunContext, split: str, head: Head) -> Scores:
    return score_videos(context.collected.sequences, context.places(split), head, context.pooling)


def _calibrate(context: RunContext, val: Scores) -> CalibrationRecord:
    fake = labels(context.collected, context.places(VAL))
    return fit_calibration(context.recipe.calibration, val.whole, fake, val.frames, fake[val.owner])


def _thresholds(
    context: RunContext, calibration: CalibrationRecord, val: Scores, test: Scores
) -> tuple[ThresholdsRecord, ThresholdsRecord]:
    """The thresholds chosen on validation; and the same with their error rates on the test part,
    because rates are flattering where the thresholds were chosen."""
    recipe = context.recipe
    fake = {split: labels(context.collected, context.places(split)) for split in (VAL, TEST)}
    chosen = choose_thresholds(
        calibrated(val.whole, calibration),
        fake[VAL],
        f"{context.dataset_name}, validation part",
        recipe.false_positives,
        recipe.false_negatives,
    )
    measured = rate_thresholds(
        calibrated(test.whole, calibration),
        fake[TEST],
        chosen.fake,
        chosen.real,
        f"{context.dataset_name}, test part: {context.found['split_rule']}",
    )
    return chosen, measured


def _envelope(context: RunContext, judge: HeadJudge, val: Scores) -> EnvelopeRecord:
    """The envelope, learned from the validation part like the thresholds; also saved."""
    judged = make_judged(judge, context.dataset_name, context.collected, context.places(VAL), val)
    recipe = context.recipe
    envelope = learn_envelope(
        context.collected.measures[val.person],
        judged,
        f"{context.dataset_name}, validation part",
        recipe.false_positives,
        recipe.seed,
    )
    write_json(context.run.fit / ENVELOPE_FILE, envelope.model_dump(mode="json"))
    return envelope


def _keep(
    context: RunContext,
    calibration: CalibrationRecord,
    chosen: ThresholdsRecord,
    measured: ThresholdsRecord,
) -> None:
    write_json(context.run.fit / CALIBRATION_FILE, calibration.model_dump(mode="json"))
    both = {"chosen": chosen.model_dump(mode="json"), "measured": measured.model_dump(mode="json")}
    write_json(context.run.fit / THRESHOLDS_FILE, both)


def _write_scores(context: RunContext, judged: dict[str, Judged]) -> None:
    """One line per video, so that anybody can compute the figures again."""
    with (context.run.folder / SCORES_FILE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "forge", "label", "group", "split", "probability", "decision"])
        for split, some in judged.items():
            rows = [context.collected.rows[place] for place in context.places(split)]
            for row, probability, decision in zip(
                rows, some.probability, some.decision, strict=True
            ):
                values = (row.path, row.forge, row.label, row.group, split)
                writer.writerow([*map(cell, values), f"{probability:.6f}", decision])


def _report(context: RunContext, judged: Judged, envelope: EnvelopeRecord) -> ReportMaterial:
    fitted = json.loads((context.run.fit / FIT_FILE).read_bytes())
    seed = context.run.fit / SEED_FILE
    return ReportMaterial(
        title=f"{context.run.name}: what was learned from {context.dataset_name}",
        made_by=context.command,
        judged=[judged],
        findings=context.found,
        rows=context.rows,
        curves=fitted["curves"],
        trials=fitted["trials"],
        recipe=context.recipe_for_report,
        seed_protocol=json.loads(seed.read_bytes()) if seed.is_file() else None,
        notes=_notes(context, fitted),
        envelope=envelope,
    )


def _notes(context: RunContext, fitted: dict[str, Any]) -> list[str]:
    notes = [
        f"Balance: {fitted['balance']}",
        f"Each frame's own score comes from: {fitted['frame_start']}.",
        "Persons: the head learned from the largest face of each video; a video is judged by its "
        "most suspicious person, as in serving.",
    ]
    learned = [row for row in context.rows if row.forge]
    if learned:
        where = ", ".join(sorted({row.split for row in learned}))
        notes.append(
            f"{len(learned)} of the fakes are self-blended forgeries of the data's own reals "
            f"(parts: {where}); figures on them say little about anybody else's forgeries."
        )
    if any(row.kind == "image" for row in context.rows):
        notes.append(
            "Face images stand for videos here: each is shown as several degraded views. How a "
            "forgery flickers in time can't be learned or measured from them."
        )
    if np.any([row.donor for row in context.rows]):
        notes.append("Videos whose two identities fell into different parts are left out.")
    return notes
