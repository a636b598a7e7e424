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
from ..evaluation.report import METRICS_FILE
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
    Workshop,
)

SOFTWARE = ("ddaemon", "keras", "numpy", "opencv-python-headless", "openvino", "scikit-learn")


def publish(shop: Workshop) -> None:
    """Writes the detector's folder whole."""
    folder = shop.shelf / shop.run.name
    draft = _draft(shop)
    head = part(read_arrays(shop.run.fit / HEAD_FILE), "")
    logistic = part(read_arrays(shop.run.fit / LOGISTIC_FILE), "")
    folder.parent.mkdir(parents=True, exist_ok=True)
    publish_detector(folder, draft, head, write_card(draft), shop.start.network(), logistic)
    add_golden(folder)
    shop.say(f"detector: {folder}")


def _draft(shop: Workshop) -> DetectorRecord:
    start, recipe = shop.start, shop.recipe
    fitted = _read(shop, FIT_FILE)
    settings = fitted["settings"]
    return DetectorRecord(
        name=shop.run.name,
        version=next_version(shop),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        description=recipe.description or _described(shop),
        licence=recipe.licence or start.licence,
        data=list(
            dict.fromkeys((*(recipe.learned_from or (_learned_from(shop),)), *start.learned_from))
        ),
        command=shop.command,
        blind_to=recipe.blind_to,
        backbone=BackboneRecord(name=start.backbone, width=start.width, weights="own"),
        preprocessing=start.preprocessing,
        head=HeadRecord(
            units=settings["units"],
            attention_units=settings["attention_units"],
            pooling=shop.pooling,
        ),
        calibration=CalibrationRecord.model_validate(_read(shop, CALIBRATION_FILE)),
        thresholds=ThresholdsRecord.model_validate(_read(shop, THRESHOLDS_FILE)["measured"]),
        metrics=_metrics(shop, fitted),
        files={},
        software=_software(),
        envelope=EnvelopeRecord.model_validate(_read(shop, ENVELOPE_FILE)),
    )


def next_version(shop: Workshop) -> str:
    """One more than that of the detector of this name which one could start from."""
    known = shop.run.name in shop.registry.names()
    return str(int(shop.registry.get(shop.run.name).record.version) + 1 if known else 1)


def _metrics(shop: Workshop, fitted: dict[str, Any]) -> dict[str, Any]:
    """What the record tells of the test part; the whole is in the run's metrics.json."""
    measured = json.loads((shop.run.folder / METRICS_FILE).read_bytes())["judged"][0]
    return {
        "test": {name: measured[name] for name in ("videos", "real", "fake", "groups", "figures")},
        "baselines": measured["baselines"],
        "verdict": measured["verdict"],
        "thresholds_where_chosen": _read(shop, THRESHOLDS_FILE)["chosen"],
        "epoch": fitted["epoch"],
        "frame_scores_from": fitted["frame_start"],
        "balance": fitted["balance"],
        "split": shop.found["split_rule"],
    }


def _described(shop: Workshop) -> str:
    seen = "whole frames" if shop.recipe.mode == "frame" else "face crops"
    over = "their mean vector" if shop.pooling == "mean" else "them"
    tuned = ", fine-tuned" if shop.recipe.finetune else ""
    return (
        f"{shop.start.backbone}{tuned} on {seen}, bidirectional LSTM with attention over {over}, "
        f"learned from {shop.dataset_name}"
    )


def _learned_from(shop: Workshop) -> str:
    counts = f"{sum(not row.fake for row in shop.rows)} reals"
    fakes = f"{sum(row.fake for row in shop.rows)} fakes"
    forged = sum(row.forge > 0 for row in shop.rows)
    made = f", {forged} of them self-blended from the reals" if forged else ""
    return f"{shop.dataset_name} ({shop.found['layout']}): {counts}, {fakes}{made}"


def _software() -> dict[str, str]:
    import keras

    return {name: version(name) for name in SOFTWARE} | {"keras_backend": keras.backend.backend()}


def _read(shop: Workshop, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((shop.run.fit / name).read_bytes())
    return record
