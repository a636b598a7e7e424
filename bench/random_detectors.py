"""A detector over EfficientNetV2B0 with random weights: what it costs, not what it says."""

from pathlib import Path

from ddaemon.stages.networks.head_network import build_head_network, head_arrays
from ddaemon.stages.networks.imagenet import V2B0, with_vector
from ddaemon.storage.detector_record import BackboneRecord, CropRecord, DetectorRecord
from ddaemon.storage.registry import DetectorFolder, Registry
from ddaemon.training.publishing.detector_folder import publish_detector

SIDE, WIDTH = 224, 1280


def publish_v2b0(folder: Path) -> DetectorFolder:
    """Publish it into `folder`, whole frames at 224 px; all but the networks is the bundled
    detector's."""
    import keras

    keras.utils.set_random_seed(0)
    network = with_vector(
        keras.applications.EfficientNetV2B0(
            include_top=False, weights=None, input_shape=(None, None, 3)
        )
    )
    record = Registry.of_bundled().active().record
    head = head_arrays(build_head_network(WIDTH, record.head.units, record.head.attention_units))
    return publish_detector(folder, _draft(record, folder.name), head, "# random", network)


def _draft(record: DetectorRecord, name: str) -> DetectorRecord:
    preprocessing = record.preprocessing.model_copy(
        update={"size": SIDE, "crop": CropRecord(kind="whole_frame")}
    )
    backbone = BackboneRecord(name=V2B0, width=WIDTH, weights="own")
    changes = {"name": name, "backbone": backbone, "preprocessing": preprocessing, "files": {}}
    return record.model_copy(update=changes | {"golden": None, "envelope": None})
