"""The step `publish`: weights, record and card become a detector in the registry."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ...stages.networks.arrays import part, read_arrays
from ...storage.detector_record import (
    BackboneRecord,
    CalibrationRecord,
    DetectorRecord,
    EnvelopeRecord,
    HeadRecord,
    ThresholdsRecord,
)
from ..evaluation.evaluation_report import METRICS_FILE
from ..publishing.card import write_card
from ..publishing.detector_folder import publish_detector
from ..publishing.golden import add_golden
from .context import (
    CALIBRATION_FILE,
    ENVELOPE_FILE,
    FIT_FILE,
    HEAD_FILE,
    LOGISTIC_FILE,
    THRESHOLDS_FILE,
    RunContext,
)

SOFTWARE = ("ddaemon", "keras", "numpy", "opencv-python-headless", "openvino", "scikit-learn")


def publish(context: RunContext) -> None:
    """Writes the detector's folder as a whole."""
    folder = context.detectors_folder / context.run.name
    draft = _draft(context)
    head = part(read_arrays(context.run.fit / HEAD_FILE), "")
    logistic = part(read_arrays(context.run.fit / LOGISTIC_FILE), "")
    folder.parent.mkdir(parents=True, exist_ok=True)
    publish_detector(
        folder, draft, head, write_card(draft), context.initial_weights.network(), logistic
    )
    add_golden(folder)
    context.announce(f"detector: {folder}")


def _draft(context: RunContext) -> DetectorRecord:
    initial, recipe = context.initial_weights, context.recipe
    fitted = _read(context, FIT_FILE)
    settings = fitted["settings"]
    return DetectorRecord(
        name=context.run.name,
        version=next_version(context),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        description=recipe.description or _described(context),
        licence=recipe.licence or initial.licence,
        data=list(
            dict.fromkeys(
                (*(recipe.learned_from or (_learned_from(context),)), *initial.learned_from)
            )
        ),
        command=context.command,
        blind_to=recipe.blind_to,
        backbone=BackboneRecord(name=initial.backbone, width=initial.width, weights="own"),
        preprocessing=initial.preprocessing,
        head=HeadRecord(
            units=settings["units"],
            attention_units=settings["attention_units"],
            pooling=context.pooling,
        ),
        calibration=CalibrationRecord.model_validate(_read(context, CALIBRATION_FILE)),
        thresholds=ThresholdsRecord.model_validate(_read(context, THRESHOLDS_FILE)["measured"]),
        metrics=_metrics(context, fitted),
        files={},
        software=_software(),
        envelope=EnvelopeRecord.model_validate(_read(context, ENVELOPE_FILE)),
    )


def next_version(context: RunContext) -> str:
    """One more than the version of the registered detector with this name."""
    known = context.run.name in context.registry.names()
    return str(int(context.registry.get(context.run.name).record.version) + 1 if known else 1)


def _metrics(context: RunContext, fitted: dict[str, Any]) -> dict[str, Any]:
    """The record's figures on the test part; all figures are in the run's metrics.json."""
    measured = json.loads((context.run.folder / METRICS_FILE).read_bytes())["judged"][0]
    return {
        "test": {name: measured[name] for name in ("videos", "real", "fake", "groups", "figures")},
        "baselines": measured["baselines"],
        "verdict": measured["verdict"],
        "thresholds_where_chosen": _read(context, THRESHOLDS_FILE)["chosen"],
        "epoch": fitted["epoch"],
        "frame_scores_from": fitted["frame_start"],
        "balance": fitted["balance"],
        "split": context.found["split_rule"],
    }


def _described(context: RunContext) -> str:
    seen = "whole frames" if context.recipe.mode == "frame" else "face crops"
    over = "their mean vector" if context.pooling == "mean" else "them"
    tuned = ", fine-tuned" if context.recipe.finetune else ""
    return (
        f"{context.initial_weights.backbone}{tuned} on {seen}, "
        f"bidirectional LSTM with attention over {over}, "
        f"learned from {context.dataset_name}"
    )


def _learned_from(context: RunContext) -> str:
    counts = f"{sum(not row.fake for row in context.rows)} reals"
    fakes = f"{sum(row.fake for row in context.rows)} fakes"
    forged = sum(row.forge > 0 for row in context.rows)
    made = f", {forged} of them self-blended from the reals" if forged else ""
    return f"{context.dataset_name} ({context.found['layout']}): {counts}, {fakes}{made}"


def _software() -> dict[str, str]:
    import keras

    return {name: version(name) for name in SOFTWARE} | {"keras_backend": keras.backend.backend()}


def _read(context: RunContext, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((context.run.fit / name).read_bytes())
    return record
