"""Which engine runs a backbone fastest, and what lower precision would cost: all in one run.

    .venv/bin/python bench/backbones.py

EfficientNetV2B0 at 224 px (random weights, which change no cost) and the bundled detector's
backbone, from uint8 faces to vectors and maps, every engine on all cores, in turns; each is told
at its best batch. An engine whose package is missing is left out in one line:
`pip install ddaemon[bench]` brings them. The losses of int8 and bf16 need the faces and clips
under ../shared/data (or $DDAEMON_DATA) and are left out without them.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import figures
import numpy as np
from figures import Figure
from precisions import WITHOUT_BF16, calibration, has_bf16, losses, quantise

from ddaemon.stages.networks.arrays import get_arrays
from ddaemon.stages.networks.backbone import OpenVinoBackbone, normalise
from ddaemon.stages.networks.description import describe
from ddaemon.stages.networks.imagenet import V2B0, with_vector
from ddaemon.stages.networks.openvino_graph import build_graph, from_pixels
from ddaemon.storage.detector_record import PreprocessingRecord
from ddaemon.storage.registry import Registry
from ddaemon.training.features.initial_weights import initial_weights_of_detector

FACES, ROUNDS, BATCHES = 32, 4, (8, 32)
CORES = os.cpu_count() or 1
DATA = Path(os.environ.get("DDAEMON_DATA", "../shared/data"))
PACKAGES = {"ONNX Runtime": "onnxruntime", "LiteRT": "ai_edge_litert", "OpenVINO int8": "nncf"}
CLOSE = 1e-3  # of the largest entry: f32 engines
AIM = 2.5
V2B0_SEES = {"size": 224, "mean": (0.0,) * 3, "std": (1.0,) * 3}

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Engine = Callable[[Pixels], Any]  # vectors of one batch (n, width)
Opener = Callable[[Any, PreprocessingRecord, int], Engine]


def measure() -> Iterator[Figure]:
    """Speed of all engines on both networks, then the losses of lower precision."""
    start = initial_weights_of_detector(Registry.of_bundled().active())
    yield from _compare(_v2b0(), start.preprocessing.model_copy(update=V2B0_SEES), V2B0, AIM)
    yield from _compare(start.network(), start.preprocessing, f"bundled {start.backbone}", None)
    yield from losses(DATA)


class CannotRun(Exception):
    """Why an engine is left out."""


def _v2b0() -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return with_vector(
        keras.applications.EfficientNetV2B0(
            include_top=False, weights=None, input_shape=(None, None, 3)
        )
    )


def _compare(
    network: Any, sees: PreprocessingRecord, name: str, aim: float | None
) -> Iterator[Figure]:
    faces = np.random.default_rng(0).integers(0, 256, (FACES, sees.size, sees.size, 3), np.uint8)
    works: dict[tuple[str, int], Callable[[], object]] = {}
    for engine, opener in OPENERS.items():
        for batch in BATCHES:
            if run := _open(engine, opener, network, sees, batch):
                works[engine, batch] = _over(run, faces, batch)
    _check(works)
    times = dict(zip(works, figures.in_turns(list(works.values()), ROUNDS), strict=True))
    best = {engine: _best(times, engine) for engine, _ in times}
    yield from _tell(times, best, name, aim)


def _tell(
    times: Mapping[tuple[str, int], list[float]],
    best: Mapping[str, int],
    name: str,
    aim: float | None,
) -> Iterator[Figure]:
    base = times[TENSORFLOW, best[TENSORFLOW]]
    ratios = {e: figures.ratio(times[e, b], base) for e, b in best.items() if e != TENSORFLOW}
    for engine, faster in ratios.items():
        ms = 1000 * float(np.median(times[engine, best[engine]])) / FACES
        aside = f"{ms:.1f} ms a face, batch {best[engine]}"
        yield figures.told(f"{name}: {engine} over tf.function", faster, "x", aside)
    exact = max((e for e in ratios if e not in INEXACT), key=lambda e: ratios[e])
    any_ = max(ratios, key=lambda e: ratios[e])
    for what, engine in (("fastest in f32", exact), ("fastest of all, served or not", any_)):
        text = f"{name}: {what} over tf.function"
        yield (
            figures.at_least(text, aim, ratios[engine], aside=engine)
            if aim
            else figures.told(text, ratios[engine], "x", engine)
        )


def _best(times: Mapping[tuple[str, int], list[float]], engine: str) -> int:
    return min((b for e, b in times if e == engine), key=lambda b: np.median(times[engine, b]))


def _open(
    engine: str, opener: Opener, network: Any, sees: PreprocessingRecord, batch: int
) -> Engine | None:
    package = PACKAGES.get(engine)
    if package:
        try:
            import_module(package)
        except ImportError:
            print(f"{engine} is left out: package {package} is missing", file=sys.stderr)
            return None
    try:
        return opener(network, sees, batch)
    except CannotRun as error:
        print(f"{engine} is left out: {error}", file=sys.stderr)
        return None


def _over(run: Engine, faces: Pixels, batch: int) -> Callable[[], Any]:
    def work() -> Any:
        return np.concatenate([run(faces[i : i + batch]) for i in range(0, len(faces), batch)])

    return work


def _check(works: Mapping[tuple[str, int], Callable[[], Any]]) -> None:
    """What is fast and wrong is no engine."""
    expected = works[TENSORFLOW, BATCHES[0]]()
    for (engine, _), work in works.items():
        if engine not in INEXACT:
            off = float(np.abs(work() - expected).max() / np.abs(expected).max())
            if off > CLOSE:
                raise AssertionError(f"{engine} is {off:.1e} off")


def _tensorflow(network: Any, sees: PreprocessingRecord, _batch: int) -> Engine:
    import tensorflow as tf

    call = tf.function(lambda x: network(x, training=False), reduce_retracing=True)

    def run(faces: Pixels) -> Any:
        maps, vectors = call(tf.constant(normalise(faces, sees)))
        maps.numpy()
        return vectors.numpy()

    return run


def _product(threads: int) -> Opener:
    def opener(network: Any, sees: PreprocessingRecord, _batch: int) -> Engine:
        engine = OpenVinoBackbone(describe(network), get_arrays(network), sees, threads)
        return lambda faces: engine.run(faces)[0]

    return opener


def _openvino(precision: str, hint: str, is_int8: bool = False) -> Opener:
    def opener(network: Any, sees: PreprocessingRecord, batch: int) -> Engine:
        if precision == "bf16" and not has_bf16():
            raise CannotRun(WITHOUT_BF16)
        graph = build_graph(describe(network), get_arrays(network))
        graph.reshape([-1, sees.size, sees.size, 3])
        if is_int8:
            graph = quantise(graph, [normalise(f[None], sees) for f in calibration(DATA, sees)])
        graph = from_pixels(graph, sees.mean, sees.std)
        return _compiled(graph, precision, hint, batch)

    return opener


def _compiled(graph: Any, precision: str, hint: str, batch: int) -> Engine:
    import openvino as ov

    options = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": CORES}
    compiled = ov.Core().compile_model(graph, "CPU", options | {"PERFORMANCE_HINT": hint})
    if hint == "LATENCY":
        return lambda faces: np.array(compiled(faces, share_outputs=True)["vectors"])
    part = max(1, batch // CORES)  # as many requests at a time as there are cores

    def run(faces: Pixels) -> Any:
        found: dict[int, Any] = {}
        queue = ov.AsyncInferQueue(compiled, CORES)
        queue.set_callback(lambda r, i: found.update({i: np.array(r.get_tensor("vectors").data)}))
        for i in range(0, len(faces), part):
            queue.start_async([faces[i : i + part]], i)
        queue.wait_all()
        return np.concatenate([found[i] for i in sorted(found)])

    return run


def _onnx(network: Any, sees: PreprocessingRecord, _batch: int) -> Engine:
    import onnxruntime as rt

    network(np.zeros((1, sees.size, sees.size, 3), np.float32))  # Keras exports what was called
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        network.export(path, format="onnx", verbose=False)
        session = rt.InferenceSession(path, providers=["CPUExecutionProvider"])
    seen, *others = (wanted.name for wanted in session.get_inputs())
    if others:
        raise CannotRun(f"Keras' export makes inputs of constants: {', '.join(others)}")
    return lambda faces: _vectors(session.run(None, {seen: normalise(faces, sees)}))


def _litert(network: Any, sees: PreprocessingRecord, batch: int) -> Engine:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    spec = tf.TensorSpec((batch, sees.size, sees.size, 3), tf.float32)
    function = tf.function(lambda x: network(x, training=False)).get_concrete_function(spec)
    content = tf.lite.TFLiteConverter.from_concrete_functions([function], network).convert()
    interpreter = Interpreter(model_content=content, num_threads=CORES)
    interpreter.allocate_tensors()
    seen = interpreter.get_input_details()[0]["index"]

    def run(faces: Pixels) -> Any:
        interpreter.set_tensor(seen, normalise(faces, sees))
        interpreter.invoke()
        return _vectors(
            [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]
        )

    return run


def _vectors(outputs: list[Any]) -> Any:
    return next(output for output in outputs if output.ndim == 2)


TENSORFLOW = "tf.function"
INEXACT = ("OpenVINO bf16", "OpenVINO int8")
OPENERS: Mapping[str, Opener] = {
    TENSORFLOW: _tensorflow,
    "OpenVINO f32, one thread": _product(1),
    "OpenVINO f32": _product(CORES),
    "OpenVINO f32, two requests": _openvino("f32", "THROUGHPUT"),
    "OpenVINO bf16": _openvino("bf16", "THROUGHPUT"),
    "OpenVINO int8": _openvino("f32", "THROUGHPUT", is_int8=True),
    "ONNX Runtime": _onnx,
    "LiteRT": _litert,
}

if __name__ == "__main__":
    figures.main(measure)
