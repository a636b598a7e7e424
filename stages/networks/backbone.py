"""The interface of the engines that turn face crops into vectors, on a CPU or on a GPU."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...storage.detector_record import PreprocessingRecord
from ...storage.errors import DetectorError
from ..settings import FeaturesSettings
from . import devices
from .arrays import Arrays
from .compiling import compile_on_cpu
from .description import Description

Vectors = NDArray[np.float32]  # (n, width)
Maps = NDArray[np.float16]  # (n, rows, columns, width)
Crops = NDArray[np.uint8]  # (n, size, size, 3), RGB
CropRunner = Callable[[Crops], tuple[Vectors, Maps]]


class Backbone(Protocol):
    """Runs a backbone over any number of face crops."""

    engine: str  # openvino or tensorflow

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        """Globally pooled vectors (n, width) and the maps before the pooling (n, r, c, width)."""
        ...


class OpenVinoBackbone:
    """Runs on the CPU, in float32, without TensorFlow.

    Args:
        description, arrays: the network and its weights (see `description.py`).
        preprocessing: what the detector's record says.
        threads: that run this network; 0 lets OpenVINO decide.
    """

    engine = devices.CPU_ENGINE

    def __init__(
        self,
        description: Description,
        arrays: Arrays,
        preprocessing: PreprocessingRecord,
        threads: int,
    ) -> None:
        from .openvino_graph import build_graph, from_pixels

        graph = build_graph(description, arrays)
        try:
            graph.reshape([-1, preprocessing.size, preprocessing.size, 3])
        except RuntimeError as error:
            size = preprocessing.size
            raise DetectorError(f"the network takes no pictures of {size} pixels") from error
        seeing = from_pixels(graph, preprocessing.mean, preprocessing.std)
        self._network = compile_on_cpu(seeing, threads)
        self._mirrored = preprocessing.mirrored

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        """See `Backbone.run`."""
        return both_ways(self._once, crops) if self._mirrored else self._once(crops)

    def _once(self, crops: Crops) -> tuple[Vectors, Maps]:
        # Shared outputs are the network's own memory, which its next run overwrites.
        outputs = self._network(crops, share_inputs=True, share_outputs=True)
        return np.array(outputs["vectors"]), np.array(outputs["maps"])


class KerasBackbone:
    """Runs through Keras, on whatever device TensorFlow found: meant for a GPU.

    Args:
        network: maps and vectors from normalised crops, as `build_backbone` makes it.
        preprocessing: what the detector's record says.
    """

    engine = devices.GPU_ENGINE

    def __init__(self, network: Any, preprocessing: PreprocessingRecord) -> None:
        self._network = _from_pixels(network, preprocessing)
        self._mirrored = preprocessing.mirrored

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        """See `Backbone.run`."""
        return both_ways(self._once, crops) if self._mirrored else self._once(crops)

    def _once(self, crops: Crops) -> tuple[Vectors, Maps]:
        maps, vectors = self._network.predict_on_batch(_fill_up(crops))
        return np.asarray(vectors)[: len(crops)], np.asarray(maps)[: len(crops)]


def _from_pixels(network: Any, preprocessing: PreprocessingRecord) -> Any:
    """`network`, taking uint8 pixels and returning its maps as float16, both converted on its
    device: a quarter of the bytes are copied to it, and half of them back."""
    import keras

    pixels = keras.Input((preprocessing.size, preprocessing.size, 3), dtype="uint8")
    mean, std = (np.asarray(part, np.float32) for part in (preprocessing.mean, preprocessing.std))
    maps, vectors = network((keras.ops.cast(pixels, "float32") - mean) / std)
    exact = keras.ops.cast(vectors, "float32")  # of a network in mixed precision too
    return keras.Model(pixels, [keras.ops.cast(maps, "float16"), exact])


def _fill_up(crops: Crops) -> Crops:
    """The crops, padded with black ones until their number is a power of two: for each number that
    it has not seen the network is compiled again, which takes seconds, and jobs bring any number.
    """
    missing = (1 << (len(crops) - 1).bit_length()) - len(crops)
    return np.concatenate([crops, np.zeros((missing, *crops.shape[1:]), np.uint8)])


def both_ways(run: CropRunner, crops: Crops) -> tuple[Vectors, Maps]:
    """The mean over crops and their mirror images; maps are oriented like the crops.

    A map's mean over places is then still its vector, as Grad-CAM assumes.
    """
    vectors, maps = run(crops)
    others, mirrored = run(np.ascontiguousarray(crops[:, :, ::-1]))
    mean = (maps.astype(np.float32) + mirrored[:, :, ::-1]) / 2
    return np.asarray((vectors + others) / 2, np.float32), mean.astype(np.float16)


def normalise(crops: Crops, preprocessing: PreprocessingRecord) -> NDArray[np.float32]:
    """`(x - mean) / std` for each colour of 0..255 values: (n, size, size, 3) float32."""
    mean = np.asarray(preprocessing.mean, np.float32)
    std = np.asarray(preprocessing.std, np.float32)
    return (crops.astype(np.float32) - mean) / std


def open_backbone(
    settings: FeaturesSettings,
    preprocessing: PreprocessingRecord,
    network: Callable[[], Any],
    described: Callable[[], tuple[Description, Arrays]],
) -> Backbone:
    """The backbone on the device that `features.device` asks for.

    `network` makes the Keras network and `described` its description; only one of them is called.
    Raises `ConfigError` when a GPU is asked for and there is none.
    """
    if devices.wants_gpu(settings):
        return KerasBackbone(network(), preprocessing)
    return OpenVinoBackbone(*described(), preprocessing, settings.threads)
