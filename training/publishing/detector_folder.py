"""Writes a detector's folder: weights, network, card, and the record that covers them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ...stages.networks.arrays import (
    Arrays,
    get_arrays,
    part,
    read_arrays,
    set_arrays,
    write_arrays,
)
from ...stages.networks.backbone import KerasBackbone, OpenVinoBackbone
from ...stages.networks.description import Description, describe
from ...stages.networks.detector import BACKBONE_PREFIX, HEAD_PREFIX, NETWORK_FILE, WEIGHTS_FILE
from ...storage.content import hash_file
from ...storage.detector_record import DetectorRecord, EnvelopeRecord, GoldenRecord
from ...storage.registry import RECORD_FILE, DetectorFolder, read_detector

CARD_FILE = "card.md"
LOGISTIC_PREFIX = "logistic/"
COMPARED_CROPS = 8


def publish_detector(
    folder: Path,
    draft: DetectorRecord,
    head: Arrays,
    card: str,
    backbone: Any = None,
    logistic: Arrays | None = None,
) -> DetectorFolder:
    """Write a detector as a whole or not at all; replaces one of the same name.

    Args:
        folder: the detector's own; its name must be the detector's.
        draft: the record; its `files` and `backbone.difference_from_keras` are filled in here.
        head: arrays as `head_arrays` gives them. All weights are stored as float16.
        card: `card.md`: what a person should know before trusting it.
        backbone: the Keras network, for a detector that carries its own weights, else None.
        logistic: a logistic regression on the mean vector (kernel, bias), the baseline in every
            later report on this detector.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    beside.mkdir(parents=True)
    try:
        record = _write_parts(beside, draft, _named(head, logistic), card, backbone)
        _write_record(beside, record)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return read_detector(folder)


def set_golden(folder: Path, golden: GoldenRecord) -> DetectorFolder:
    """Record the clip whose probability must reproduce; rewrites the record."""
    record = read_detector(folder).record
    _write_record(folder, record.model_copy(update={"golden": golden}))
    return read_detector(folder)


def with_envelope(
    detector: DetectorFolder, folder: Path, envelope: EnvelopeRecord, version: str, card: str
) -> DetectorFolder:
    """Write a copy of a detector with this envelope; the weights are the same."""
    shutil.copytree(detector.path, folder)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    files = detector.record.files | {CARD_FILE: hash_file(folder / CARD_FILE)}
    changes = {"envelope": envelope, "version": version, "files": files}
    _write_record(folder, detector.record.model_copy(update=changes))
    return read_detector(folder)


def _write_parts(
    folder: Path, draft: DetectorRecord, arrays: Arrays, card: str, backbone: Any
) -> DetectorRecord:
    arrays = dict(arrays)
    difference = None
    if backbone is not None:
        own = get_arrays(backbone)
        arrays |= {f"{BACKBONE_PREFIX}{name}": array for name, array in own.items()}
    write_arrays(folder / WEIGHTS_FILE, arrays)
    if backbone is not None:
        description = describe(backbone)
        (folder / NETWORK_FILE).write_text(_compact(description), encoding="utf-8")
        stored = part(read_arrays(folder / WEIGHTS_FILE), BACKBONE_PREFIX)
        difference = engines_differ_by(backbone, description, stored, draft)
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    files = {path.name: hash_file(path) for path in sorted(folder.iterdir())}
    named = draft.backbone.model_copy(update={"difference_from_keras": difference})
    return draft.model_copy(update={"files": files, "backbone": named})


def _named(head: Arrays, logistic: Arrays | None) -> Arrays:
    named = {f"{HEAD_PREFIX}{name}": array for name, array in head.items()}
    for name, array in (logistic or {}).items():
        named[f"{LOGISTIC_PREFIX}{name}"] = array
    return named


def engines_differ_by(
    backbone: Any, description: Description, stored: Arrays, record: DetectorRecord
) -> float:
    """The largest absolute difference between vector entries of OpenVINO and of Keras, on the same
    random crops and with the weights as they are stored."""
    set_arrays(backbone, stored)
    size = record.preprocessing.size
    random = np.random.default_rng(0)
    crops = random.integers(0, 256, (COMPARED_CROPS, size, size, 3)).astype(np.uint8)
    ours, _ = OpenVinoBackbone(description, stored, record.preprocessing, 1).run(crops)
    theirs, _ = KerasBackbone(backbone, record.preprocessing).run(crops)
    return float(np.abs(ours - theirs).max())


def _write_record(folder: Path, record: DetectorRecord) -> None:
    beside = folder / f".{RECORD_FILE}.{os.getpid()}"
    beside.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    beside.replace(folder / RECORD_FILE)


def _compact(description: Description) -> str:
    """JSON with one line per layer, so that changes can be read."""
    layers = ",\n".join(json.dumps(layer, sort_keys=True) for layer in description["layers"])
    rest = {key: value for key, value in description.items() if key != "layers"}
    return f'{json.dumps(rest)[:-1]}, "layers": [\n{layers}\n]}}\n'
