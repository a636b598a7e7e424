"""The seed system's way with one video, written straightforwardly with the same libraries.

300 evenly spaced whole frames go to disk as JPEGs and are read back; Keras `predict` runs
EfficientNetV2B0 over them in batches; their mean vector is judged as one step of a bidirectional
LSTM with attention; Grad-CAM runs the backbone once more over one frame and draws in jet. Weights
are random, which changes no cost. Frames are read in order, which is charitable: seeking to each,
as such scripts like to do, costs more.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FRAMES, SIDE, BATCH, UNITS = 300, 224, 32, 64

Image = NDArray[np.uint8]


class SeedRecipe:
    """The networks, built once as its `main.py` does."""

    def __init__(self) -> None:
        import keras

        self._backbone = keras.applications.EfficientNetV2B0(
            include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), pooling="avg"
        )
        last = self._backbone.get_layer("top_activation").output
        self._maps = keras.Model(self._backbone.input, [last, self._backbone.output])
        self._head = _head()

    def judge(self, video: Path, folder: Path) -> float:
        """The probability of fake; JPEGs and `grad_cam_output.png` are left in `folder`."""
        paths = extract_frames(video, folder)
        vector = self._features(paths).mean(axis=0)
        score = self._head.predict(vector[None, None], verbose=0)[0, 0]
        self._draw(paths[len(paths) // 2], folder / "grad_cam_output.png")
        return float(score)

    def _features(self, paths: list[Path]) -> NDArray[np.float32]:
        vectors = []
        for start in range(0, len(paths), BATCH):
            images = [_read(path) for path in paths[start : start + BATCH]]
            vectors.append(self._backbone.predict(np.stack(images), verbose=0))
        return np.concatenate(vectors)

    def _draw(self, path: Path, out: Path) -> None:
        import tensorflow as tf

        image = _read(path)
        with tf.GradientTape() as tape:
            maps, _vectors = self._maps(image[None].astype(np.float32))
            tape.watch(maps)
            score = self._head(tf.reduce_mean(maps, axis=(1, 2))[:, None])[:, 0]
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
        heat = tf.nn.relu(tf.reduce_sum(maps * weights[:, None, None], axis=-1))[0].numpy()
        _save_overlay(image, heat, out)


def extract_frames(video: Path, folder: Path) -> list[Path]:
    """Write 300 evenly spaced frames as JPEGs, at the size that they have."""
    folder.mkdir(parents=True, exist_ok=True)
    capture = cv2.VideoCapture(str(video))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(np.linspace(0, total - 1, FRAMES, dtype=int).tolist())
    paths = []
    for number in range(total):
        found, image = capture.read()
        if found and number in wanted:
            paths.append(folder / f"frame_{number}.jpg")
            cv2.imwrite(str(paths[-1]), image)
    capture.release()
    return paths


def _read(path: Path) -> Image:
    written = cv2.imread(str(path))
    assert written is not None, path
    image = cv2.cvtColor(written, cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(image, (SIDE, SIDE)), np.uint8)


def _save_overlay(image: Image, heat: NDArray[np.float32], out: Path) -> None:
    scaled = (255 * cv2.resize(heat / (heat.max() or 1), (SIDE, SIDE))).astype(np.uint8)
    jet = cv2.applyColorMap(scaled, cv2.COLORMAP_JET)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(out), cv2.addWeighted(bgr, 0.6, jet, 0.4, 0))


def _head() -> Any:
    """Bidirectional LSTM over one step, attention, one probability."""
    import keras
    from keras import layers

    steps = keras.Input((1, 1280))
    states = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))(steps)
    attended = layers.Attention()([states, states])
    pooled = layers.GlobalAveragePooling1D()(attended)
    return keras.Model(steps, layers.Dense(1, activation="sigmoid")(pooled))
