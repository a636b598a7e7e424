"""The files that ddaemon ships in `stages/data`: third-party networks, verified before use."""

import hashlib
from importlib.resources import files
from pathlib import Path

from ..storage.errors import DetectorError

SHA256 = {
    "centerface.onnx": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    "face_landmark.tflite": "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
}


def data_file(name: str) -> Path:
    """The path of a shipped file. Raises `DetectorError` when it is missing."""
    path = Path(str(files(__package__ or "ddaemon.stages").joinpath("data", name)))
    if not path.is_file():
        raise DetectorError(f"{name} is missing from this installation: install ddaemon again")
    return path


def verified_file(name: str) -> Path:
    """The path of a shipped network. Raises `DetectorError` when it is missing or altered."""
    path = data_file(name)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256[name]:
        raise DetectorError(
            f"{name} was altered (SHA-256 {found[:12]}, expected {SHA256[name][:12]}): "
            "install ddaemon again"
        )
    return path
