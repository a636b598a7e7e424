"""A detector ready for use: its record, its backbone, its head, its calibration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...isolation import inherited
from ...storage.detector_record import DetectorRecord
from ...storage.errors import DetectorError
from ...storage.registry import DetectorFolder
from ..settings import FeaturesSettings
from .arrays import Arrays, arrays_from, part
from .backbone import Backbone, Crops, Maps, Vectors, open_backbone
from .calibrate import apply_calibration
from .description import Description
from .devices import CPU_ENGINE
from .head import Head, HeadOutput
from .link import Link
from .shared_backbone import SharedBackbone

WEIGHTS_FILE = "weights.npz"
NETWORK_FILE = "network.json"
BACKBONE_PREFIX = "backbone/"
HEAD_PREFIX = "head/"

_loaded: dict[tuple[Path, str, FeaturesSettings], "Detector"] = {}


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded detector. `sha256` is that of its record, which covers every file."""

    record: DetectorRecord
    sha256: str
    backbone: Backbone
    head: Head

    def extract(self, crops: Crops) -> tuple[Vectors, Maps]:
        """Vectors (n, width) and maps (n, rows, columns, width) of crops (n, size, size, 3)."""
        return self.backbone.run(crops)

    def judge(self, vectors: Vectors) -> HeadOutput:
        """Judge one person from vectors (frames, width) in order of time."""
        if self.record.head.pooling == "mean":
            return self.head.run_mean(vectors)
        return self.head.run(vectors)

    def judge_exchanged(self, vectors: Vectors, step: int, others: Vectors) -> NDArray[np.float32]:
        """Calibrated probabilities (n,) of a person (frames, width) whose vector at `step` is
        replaced by each of `others` (n, width) in turn."""
        mean = self.record.head.pooling == "mean"
        exchange = self.head.exchange_mean if mean else self.head.exchange
        return apply_calibration(exchange(vectors, step, others), self.record.calibration)

    def probability(self, logit: float) -> float:
        """The calibrated probability of fake, from the head's logit of a sequence."""
        return float(apply_calibration(np.array(logit), self.record.calibration))

    def frame_scores(self, frame_logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same for single frames: (frames,), 0..1."""
        return apply_calibration(frame_logits, self.record.calibration, frame=True)


def load_detector(folder: DetectorFolder, settings: FeaturesSettings) -> Detector:
    """Load a detector, once in each process, after comparing its files with their checksums.

    Raises `DetectorError` when a file is missing, altered or not understood; `WeightsMissing` when
    it needs external weights and there are none; `ConfigError` when there is no such device.
    """
    key = (folder.path, folder.sha256, settings)
    if key not in _loaded:
        _loaded[key] = _load(folder, settings)
    return _loaded[key]


def _load(folder: DetectorFolder, settings: FeaturesSettings) -> Detector:
    record, files = folder.record, folder.read_all()
    folder.require_covered(WEIGHTS_FILE)
    arrays = arrays_from(files[WEIGHTS_FILE], WEIGHTS_FILE)
    head = Head(part(arrays, HEAD_PREFIX))
    if (head.width, head.forward.units) != (record.backbone.width, record.head.units):
        raise DetectorError(
            f"detector {record.name}: its head takes {head.width} numbers a frame into "
            f"{head.forward.units} units, its record says {record.backbone.width} and "
            f"{record.head.units}"
        )
    return Detector(record, folder.sha256, _open(folder, files, arrays, settings), head)


def _open(
    folder: DetectorFolder, files: Mapping[str, bytes], arrays: Arrays, settings: FeaturesSettings
) -> Backbone:
    link = inherited.find(Link)
    if link is not None:
        shared = SharedBackbone(link, folder.sha256)
        # With "auto", a shared network whose process found no GPU is slower than the worker's own.
        if settings.shared == "always" or shared.engine != CPU_ENGINE:
            return shared

    def network() -> Any:
        return _keras_network(folder.record, arrays, settings)

    def described() -> tuple[Description, Arrays]:
        if folder.record.backbone.weights == "own":
            return _read_description(folder, files), part(arrays, BACKBONE_PREFIX)
        return _described(network())

    return open_backbone(settings, folder.record.preprocessing, network, described)


def _keras_network(record: DetectorRecord, arrays: Arrays, settings: FeaturesSettings) -> Any:
    from .imagenet import build_backbone

    own = record.backbone.weights == "own"
    weights = part(arrays, BACKBONE_PREFIX) if own else settings.weights
    return build_backbone(record.backbone.name, weights)


def _described(network: Any) -> tuple[Description, Arrays]:
    from .arrays import get_arrays
    from .description import describe

    return describe(network), get_arrays(network)


def _read_description(folder: DetectorFolder, files: Mapping[str, bytes]) -> Description:
    folder.require_covered(NETWORK_FILE)
    try:
        description = json.loads(files[NETWORK_FILE])
    except (ValueError, RecursionError) as error:
        raise DetectorError(f"detector {folder.name}: {NETWORK_FILE} is not JSON") from error
    if not isinstance(description, dict):
        raise DetectorError(f"detector {folder.name}: {NETWORK_FILE} is not an object")
    return description
