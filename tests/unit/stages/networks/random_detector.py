"""A detector with random weights, for tests of everything but what it says."""

from pathlib import Path

from ddaemon.stages.networks.arrays import set_arrays
from ddaemon.stages.networks.efficientnet_lite0 import arrays_from_torch, build_efficientnet_lite0
from ddaemon.stages.networks.head_network import build_head_network, head_arrays
from ddaemon.storage.detector_record import (
    BackboneRecord,
    CalibrationRecord,
    CropRecord,
    DetectorRecord,
    HeadRecord,
    PreprocessingRecord,
    ThresholdsRecord,
)
from ddaemon.tests.unit.stages.networks import lite0_reference
from ddaemon.training.publishing.detector_folder import publish_detector

SIZE = 64
UNITS = 4
THRESHOLDS = ThresholdsRecord(
    fake=0.7,
    real=0.3,
    false_positive_rate=0.05,
    false_positive_interval=(0.03, 0.07),
    false_negative_rate=0.1,
    false_negative_interval=(0.08, 0.12),
    inconclusive_rate=0.3,
    measured_on="nothing",
    videos=0,
)


def draft(name, weights="own"):
    """A record as `publish_detector` takes it."""
    return DetectorRecord(
        name=name,
        version="1",
        created_at="2026-01-01T00:00:00+00:00",
        description="random",
        licence="none",
        data=[],
        command="none",
        backbone=BackboneRecord(name="efficientnet_lite0", width=1280, weights=weights),
        preprocessing=PreprocessingRecord(
            size=SIZE, crop=CropRecord(), mean=(127.0,) * 3, std=(128.0,) * 3
        ),
        head=HeadRecord(units=UNITS, attention_units=3),
        calibration=CalibrationRecord(slope=2.0, offset=-1.0, frame_slope=1.0, frame_offset=0.5),
        thresholds=THRESHOLDS,
        metrics={},
        files={},
        software={},
    )


def random_backbone(seed=0):
    """EfficientNet-Lite0 in Keras with random weights."""
    network = build_efficientnet_lite0()
    set_arrays(network, arrays_from_torch(lite0_reference.random_arrays(seed)))
    return network


def publish_random(folder: Path, weights="own", seed=0, std=(128.0,) * 3):
    """Publish a detector into `folder`; an external one has its head alone."""
    head = head_arrays(build_head_network(1280, UNITS, 3))
    backbone = random_backbone(seed) if weights == "own" else None
    record = draft(folder.name, weights)
    scaled = record.preprocessing.model_copy(update={"std": std})
    record = record.model_copy(update={"preprocessing": scaled})
    return publish_detector(folder, record, head, "# card", backbone)
