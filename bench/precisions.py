"""Whether serving says what Keras does, and what int8 and bf16 would make of the bundled detector:
logits and loss of AUC on faces, movement on clips.

Part of `backbones.py`. int8 by NNCF after training, calibrated on faces of the train split; the
first blocks and the last convolution stay float32, because the whole network in int8 loses more
than the aim allows (NOTES.md).
"""

import csv
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import figures
import numpy as np
from figures import Figure
from labelled_clips import read_rows
from sklearn.metrics import roc_auc_score

from ddaemon.stages.faces import FaceReader, choose_tracks, crop_square, face_square, follow_faces
from ddaemon.stages.features import batches
from ddaemon.stages.frames import FrameSample
from ddaemon.stages.media.video import Image
from ddaemon.stages.networks.backbone import KerasBackbone, normalise
from ddaemon.stages.networks.detector import Detector, load_detector
from ddaemon.stages.networks.openvino_graph import build_graph
from ddaemon.stages.settings import FacesSettings, FeaturesSettings, FramesSettings
from ddaemon.storage.detector_record import PreprocessingRecord
from ddaemon.storage.errors import NotAnalysable
from ddaemon.storage.registry import Registry
from ddaemon.training.features.crops import image_landmarks
from ddaemon.training.features.initial_weights import initial_weights_of_detector

CALIBRATED_ON, JUDGED, BOOTSTRAPS, BATCH, SEED = 200, 1500, 300, 16, 7
MOST_AUC_LOSS, MOST_MOVEMENT, MOST_LOGIT = 0.005, 0.01, 1e-3
SERVED, KERAS = "served", "Keras"
KEPT_CONVOLUTIONS = (0, 1, 2, 3, 4, 5, -2, -1)
KEPT_DEPTHWISE = (0, 1, 2)

WITHOUT_BF16 = "this processor has none"

Run = Callable[[Any], Any]  # uint8 crops to vectors


def has_bf16() -> bool:
    """Whether this processor computes in bfloat16; OpenVINO takes float32 without a word else."""
    import openvino as ov

    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def calibration(data: Path, sees: PreprocessingRecord) -> Any:
    """Faces (n, size, size, 3) of the train split; noise where there is no data set."""
    if not (data / "dfdc-faces").is_dir():
        random = np.random.default_rng(SEED)
        return random.integers(0, 256, (CALIBRATED_ON, sees.size, sees.size, 3), np.uint8)
    return _faces(data, "train", CALIBRATED_ON, sees)[0]


def quantise(graph: Any, inputs: list[Any]) -> Any:
    """The graph in int8, but for its first blocks and last convolutions."""
    import nncf

    return nncf.quantize(
        graph,
        nncf.Dataset(inputs),
        subset_size=len(inputs),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(names=_kept(graph)),
    )


def _kept(graph: Any) -> list[str]:
    found: dict[str, list[str]] = {"Convolution": [], "GroupConvolution": []}
    for node in graph.get_ordered_ops():
        found.get(node.get_type_name(), []).append(node.get_friendly_name())
    kept = [found["Convolution"][i] for i in KEPT_CONVOLUTIONS]
    return kept + [found["GroupConvolution"][i] for i in KEPT_DEPTHWISE]


def losses(data: Path) -> Iterator[Figure]:
    """AUC loss and movement of int8 and of bf16 against f32."""
    if not (data / "dfdc-faces").is_dir() or not (data / "clips").is_dir():
        print(f"losses of int8 and bf16 are left out: no data in {data}", file=sys.stderr)
        return
    folder = Registry.of_bundled().active()
    sees = folder.record.preprocessing
    detector = load_detector(folder, FeaturesSettings(device="cpu"))
    faces, is_fake = _faces(data, "val", JUDGED, sees)
    clips = list(_clips(data / "clips", sees))
    runs = {SERVED: _batched(lambda crops: detector.extract(crops)[0]), **_runs(data, sees)}
    scores = {name: _scores(run, faces, clips, detector) for name, run in runs.items()}
    yield from _equality(scores[KERAS], scores[SERVED])
    for name in [name for name in scores if name not in (KERAS, SERVED)]:
        yield from _compare(name, scores[SERVED], scores[name], is_fake)


def _equality(keras: Any, served: Any) -> Iterator[Figure]:
    """The path that judges against the network as Keras runs it, on the same crops."""
    off = float(np.abs(keras[0] - served[0]).max())
    aside = f"{len(served[0])} faces, one at a time to the head"
    yield figures.at_most(
        "largest difference of a logit, served to Keras", MOST_LOGIT, off, "", aside
    )
    moved = float(np.abs(keras[1] - served[1]).max())
    what = "largest movement of a clip's score, served to Keras"
    yield figures.at_most(what, MOST_MOVEMENT, moved, "", f"{len(served[1])} clips")


def _compare(name: str, exact: Any, other: Any, is_fake: Any) -> Iterator[Figure]:
    loss = _auc(is_fake, exact[0]) - _auc(is_fake, other[0])
    low, high = _paired(is_fake, exact[0], other[0])
    aside = f"{len(is_fake)} faces, paired 95 % [{low:.4f}, {high:.4f}]"
    yield figures.at_most(f"AUC loss of {name}", MOST_AUC_LOSS, loss, "", aside)
    moved = np.abs(exact[1] - other[1])
    aside = f"median {np.median(moved):.4f}, {len(moved)} clips"
    if moved.max() > MOST_MOVEMENT:
        aside += "; over the aim it is no default"
    yield figures.told(f"largest movement of a clip's score by {name}", moved.max(), "", aside)


def _auc(is_fake: Any, logits: Any) -> float:
    return float(roc_auc_score(is_fake, logits))


def _paired(is_fake: Any, exact: Any, other: Any) -> tuple[float, float]:
    random, found = np.random.default_rng(SEED), []
    for _ in range(BOOTSTRAPS):
        drawn = random.integers(0, len(is_fake), len(is_fake))
        found.append(_auc(is_fake[drawn], exact[drawn]) - _auc(is_fake[drawn], other[drawn]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _scores(run: Run, faces: Any, clips: list[list[Any]], detector: Detector) -> tuple[Any, Any]:
    logits = [detector.judge(vector[None]).logit for vector in run(faces)]
    videos = [
        max(detector.probability(detector.judge(run(track)).logit) for track in tracks)
        for tracks in clips
    ]
    return np.array(logits), np.array(videos)


def _runs(data: Path, sees: PreprocessingRecord) -> dict[str, Run]:
    start = initial_weights_of_detector(Registry.of_bundled().active())
    graph = build_graph(start.description, start.arrays)
    graph.reshape([-1, sees.size, sees.size, 3])
    keras = KerasBackbone(start.network(), sees)
    found = {KERAS: _batched(lambda crops: keras.run(crops)[0])}
    if has_bf16():
        found["bf16"] = _compiled(graph, "bf16", sees)
    else:
        print(f"bf16 is left out: {WITHOUT_BF16}", file=sys.stderr)
    try:
        inputs = [normalise(face[None], sees) for face in calibration(data, sees)]
        found["int8"] = _compiled(quantise(graph, inputs), "f32", sees)
    except ImportError:
        print("int8 is left out: package nncf is missing", file=sys.stderr)
    return found


def _compiled(graph: Any, precision: str, sees: PreprocessingRecord) -> Run:
    import openvino as ov

    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return _batched(lambda crops: np.array(compiled(normalise(crops, sees))["vectors"]))


def _batched(run: Run) -> Run:
    return lambda crops: np.concatenate([run(part) for part in batches(crops, BATCH)])


def _faces(data: Path, split: str, count: int, sees: PreprocessingRecord) -> tuple[Any, Any]:
    """Crops (n, size, size, 3) as serving cuts them, and which are fake (n,)."""
    rows = face_rows(data, split, count)
    crops = [_crop(read_face(data, row), sees) for row in rows]
    return np.stack(crops), np.array([row["label"] == "fake" for row in rows])


def face_rows(data: Path, split: str, count: int) -> list[dict[str, str]]:
    """Some rows of dfdc-faces' list, drawn by a seed, in the order of its archives."""
    with (data / "dfdc-faces" / "faces.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    order = np.random.default_rng(SEED).permutation(len(rows))[:count]
    return sorted((rows[i] for i in order), key=lambda row: (row["archive"], row["file"]))


def read_face(data: Path, row: dict[str, str]) -> Image:
    """The picture of one row, RGB."""
    with zipfile.ZipFile(data / "dfdc-faces" / row["archive"]) as archive:
        coded = np.frombuffer(archive.read(row["file"]), np.uint8)
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None, row["file"]
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _crop(image: Image, sees: PreprocessingRecord) -> Image:
    square = face_square(image_landmarks(image).points, sees.crop.side)
    return crop_square(image, square, sees.size)


def _clips(folder: Path, sees: PreprocessingRecord) -> Iterator[list[Any]]:
    """The crops of each person of each clip."""
    for row in read_rows(folder):
        reader = FaceReader(FacesSettings(), sees.crop.side, 1)
        frames = FrameSample(folder / row["path"], FramesSettings())
        try:
            tracks = choose_tracks(follow_faces(frames, reader, sees.size), FacesSettings())
        except NotAnalysable:
            continue
        if tracks:
            yield [np.stack([sample.crop for sample in track.samples]) for track in tracks]
