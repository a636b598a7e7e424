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
from ..evaluation.envelope import learn_envelope
from ..evaluation.judged import Judged
from ..evaluation.report import Report, write_report
from ..judging.judging import Judge, calibrated, labels, make_judged
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
    Workshop,
)


def evaluate(shop: Workshop) -> None:
    """Writes report.html with its PNGs, metrics.json and scores.csv."""
    head = Head(part(read_arrays(shop.run.fit / HEAD_FILE), ""))
    val, test = _score(shop, VAL, head), _score(shop, TEST, head)
    calibration = _calibrate(shop, val)
    chosen, measured = _thresholds(shop, calibration, val, test)
    _keep(shop, calibration, chosen, measured)
    logistic = part(read_arrays(shop.run.fit / LOGISTIC_FILE), "")
    judge = Judge(shop.run.name, head, shop.pooling, calibration, measured, logistic)
    envelope = _envelope(shop, judge, val)
    judge = replace(judge, envelope=envelope)
    judged = {
        split: make_judged(judge, shop.dataset_name, shop.collected, shop.places(split), scores)
        for split, scores in ((VAL, val), (TEST, test))
    }
    _write_scores(shop, judged)
    write_report(shop.run.folder, _report(shop, judged[TEST], envelope), shop.recipe.seed)
    shop.say(f"report: {shop.run.report}")


def _score(shop: Workshop, split: str, head: Head) -> Scores:
    return score_videos(shop.collected.sequences, shop.places(split), head, shop.pooling)


def _calibrate(shop: Workshop, val: Scores) -> CalibrationRecord:
    fake = labels(shop.collected, shop.places(VAL))
    return fit_calibration(shop.recipe.calibration, val.whole, fake, val.frames, fake[val.owner])


def _thresholds(
    shop: Workshop, calibration: CalibrationRecord, val: Scores, test: Scores
) -> tuple[ThresholdsRecord, ThresholdsRecord]:
    """Chosen on validation; and the same with the errors they make on the test part, because
    thresholds flatter themselves where they were chosen."""
    recipe = shop.recipe
    fake = {split: labels(shop.collected, shop.places(split)) for split in (VAL, TEST)}
    chosen = choose_thresholds(
        calibrated(val.whole, calibration),
        fake[VAL],
        f"{shop.dataset_name}, validation part",
        recipe.false_positives,
        recipe.false_negatives,
    )
    measured = rate_thresholds(
        calibrated(test.whole, calibration),
        fake[TEST],
        chosen.fake,
        chosen.real,
        f"{shop.dataset_name}, test part: {shop.found['split_rule']}",
    )
    return chosen, measured


def _envelope(shop: Workshop, judge: Judge, val: Scores) -> EnvelopeRecord:
    """Learned from the validation part, as the thresholds are; kept for the record."""
    judged = make_judged(judge, shop.dataset_name, shop.collected, shop.places(VAL), val)
    recipe = shop.recipe
    envelope = learn_envelope(
        shop.collected.measures[val.person],
        judged,
        f"{shop.dataset_name}, validation part",
        recipe.false_positives,
        recipe.seed,
    )
    write_json(shop.run.fit / ENVELOPE_FILE, envelope.model_dump(mode="json"))
    return envelope


def _keep(
    shop: Workshop,
    calibration: CalibrationRecord,
    chosen: ThresholdsRecord,
    measured: ThresholdsRecord,
) -> None:
    write_json(shop.run.fit / CALIBRATION_FILE, calibration.model_dump(mode="json"))
    both = {"chosen": chosen.model_dump(mode="json"), "measured": measured.model_dump(mode="json")}
    write_json(shop.run.fit / THRESHOLDS_FILE, both)


def _write_scores(shop: Workshop, judged: dict[str, Judged]) -> None:
    """One line a video, so that anybody can compute the figures again."""
    with (shop.run.folder / SCORES_FILE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "forge", "label", "group", "split", "probability", "decision"])
        for split, some in judged.items():
            rows = [shop.collected.rows[place] for place in shop.places(split)]
            for row, probability, decision in zip(
                rows, some.probability, some.decision, strict=True
            ):
                told = (row.path, row.forge, row.label, row.group, split)
                writer.writerow([*map(cell, told), f"{probability:.6f}", decision])


def _report(shop: Workshop, judged: Judged, envelope: EnvelopeRecord) -> Report:
    fitted = json.loads((shop.run.fit / FIT_FILE).read_bytes())
    seed = shop.run.fit / SEED_FILE
    return Report(
        title=f"{shop.run.name}: what was learned from {shop.dataset_name}",
        made_by=shop.command,
        judged=[judged],
        findings=shop.found,
        rows=shop.rows,
        curves=fitted["curves"],
        trials=fitted["trials"],
        recipe=shop.told_recipe,
        seed_protocol=json.loads(seed.read_bytes()) if seed.is_file() else None,
        notes=_notes(shop, fitted),
        envelope=envelope,
    )


def _notes(shop: Workshop, fitted: dict[str, Any]) -> list[str]:
    notes = [
        f"Balance: {fitted['balance']}",
        f"Each frame's own score comes from: {fitted['frame_start']}.",
        "Persons: the head learned from the largest face of each video; a video is judged by its "
        "most suspicious person, as in serving.",
    ]
    learned = [row for row in shop.rows if row.forge]
    if learned:
        where = ", ".join(sorted({row.split for row in learned}))
        notes.append(
            f"{len(learned)} of the fakes are self-blended forgeries of the data's own reals "
            f"(parts: {where}); figures on them say little about anybody else's forgeries."
        )
    if any(row.kind == "image" for row in shop.rows):
        notes.append(
            "Face images stand for videos here: each is shown as several degraded views. How a "
            "forgery flickers in time can't be learned or measured from them."
        )
    if np.any([row.donor for row in shop.rows]):
        notes.append("Videos whose two identities fell into different parts are left out.")
    return notes
