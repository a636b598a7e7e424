"""A detector whose evidence is known: fine green stripes, cell by cell, in the real way from crops
to maps, vectors and a verdict. Blurring takes them away."""

import cv2
import numpy as np

from ddaemon.stages.networks.head import HeadOutput

WIDTH = 3  # channels of the maps: stripes, brightness, red
GAIN = 40.0
PALE = 0.3  # probability without any evidence: sigmoid(OFFSET)
OFFSET = float(np.log(PALE / (1 - PALE)))


class StripeDetector:
    """Its logit is how striped the mean frame is; its maps have `rows` x `rows` cells."""

    def __init__(self, rows: int = 4, gain: float = GAIN) -> None:
        self.rows, self.weights = rows, np.array([gain, 0.0, 0.0], np.float32)
        self.passes = 0

    def extract(self, crops):
        self.passes += len(crops)
        maps = np.stack([self._maps(crop.astype(np.float32) / 255) for crop in crops])
        return maps.mean(axis=(1, 2)), maps.astype(np.float16)

    def judge(self, vectors):
        count = len(vectors)
        frame_logits = vectors @ self.weights + OFFSET
        return HeadOutput(
            logit=float(frame_logits.mean()),
            frame_logits=frame_logits,
            attention=np.full(count, 1 / count, np.float32),
            gradient=np.tile(self.weights / count, (count, 1)),
        )

    def judge_exchanged(self, vectors, step, others):
        rest = np.delete(vectors, step, axis=0) @ self.weights
        logits = (rest.sum() + others @ self.weights) / len(vectors) + OFFSET
        return self.probabilities(logits)

    def probability(self, logit):
        return float(self.probabilities(logit))

    def frame_scores(self, logits):
        return self.probabilities(logits)

    @staticmethod
    def probabilities(logits):
        return 1 / (1 + np.exp(-logits))

    def _maps(self, crop):
        green = crop[..., 1] - crop[..., 0]
        stripes = np.abs(np.diff(green, axis=1, append=green[:, -1:]))
        channels = np.stack([stripes, crop.mean(axis=2), crop[..., 0]], axis=2)
        size = (self.rows, self.rows)
        return cv2.resize(channels, size, interpolation=cv2.INTER_AREA)


def grey_face(size: int = 64) -> np.ndarray:
    """A textured grey crop (size, size, 3) without evidence."""
    grey = np.random.default_rng(5).integers(90, 160, (size, size, 1), dtype=np.uint8)
    return np.repeat(grey, 3, axis=2)


def with_evidence(crop: np.ndarray, cells: list[tuple[int, int, int]], rows: int = 4) -> np.ndarray:
    """A copy with stripes in some cells: (row, column, how strong, of 255)."""
    side, changed = crop.shape[0] // rows, crop.copy()
    for row, column, much in cells:
        part = changed[row * side : (row + 1) * side, column * side : (column + 1) * side]
        part[:, ::2, 1] += np.uint8(much)
    return changed
