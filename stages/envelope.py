"""What a detector was measured on, and whether a video lies outside of it.

Training measures every video with this same file, so that a bound means the same in both places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from ..record.schema import EnvelopePart, OutlierPart
from ..storage.detector_record import BoundsRecord, EnvelopeRecord, short
from .facts import EnvelopeCheck, FaceTrack, Outlier
from .media.video import Image

FACE_PX, BRIGHTNESS, DETAIL, PROFILE, SHARE = "face_px", "brightness", "detail", "profile", "share"
NOSE_TIP, EDGES = 1, (234, 454)  # of the 468 landmarks; the face's edges at the height of the ears
FULLY = 2.0  # a head turned so far that its edges all but meet
Measures = Mapping[str, float]  # a measure that could not be taken is absent


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of what a person's crops are like."""

    words: str
    below: bool  # whether too small a value can be outside
    above: bool  # whether too large a value can be
    of_videos: bool = False  # an image of a face alone does not show it


MEASURES: Mapping[str, Measure] = {
    FACE_PX: Measure(
        "width of the face in the video, pixels", below=True, above=False, of_videos=True
    ),
    BRIGHTNESS: Measure("brightness of the face, 0 to 255", below=True, above=True),
    DETAIL: Measure("fine detail of the face as the network sees it", below=True, above=True),
    PROFILE: Measure("how far the head is turned, 0 frontal, 1 profile", below=False, above=True),
    SHARE: Measure(
        "share of the sampled frames that show the face", below=True, above=False, of_videos=True
    ),
}


def measure_track(track: FaceTrack) -> dict[str, float]:
    """The measures of one person (or of whole frames, which have no landmarks)."""
    samples = track.samples
    turned = [sample.profile for sample in samples if sample.profile is not None]
    return measure_crops([sample.crop for sample in samples], turned) | {
        FACE_PX: float(median(sample.box[2] for sample in samples)),
        SHARE: len(samples) / track.frames,
    }


def measure_crops(
    crops: Sequence[Image] | NDArray[np.uint8], turned: Sequence[float]
) -> dict[str, float]:
    """The measures of crops alone: (size, size, 3) each; `turned`: `face_profile`s, if any."""
    details = [detail for crop in crops if (detail := fine_detail(crop)) is not None]
    found = {BRIGHTNESS: float(np.mean([crop.mean() for crop in crops]))}
    if details:
        found[DETAIL] = float(median(details))
    if turned:
        found[PROFILE] = float(median(turned))
    return found


def fine_detail(crop: Image) -> float | None:
    """log10 of the Laplacian's variance over the grey values' (Pech-Pacheco et al. 2000, with
    contrast divided out). It falls under down-scaling, blur and compression, rises with noise,
    and ignores brightness. None for a picture of a single colour, which has no detail.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges, contrast = cv2.Laplacian(grey, cv2.CV_32F).var(), grey.var()
    return float(np.log10(edges / contrast)) if edges > 0 and contrast > 0 else None


def face_profile(points: NDArray[np.float32]) -> float:
    """How far a head is turned to either side, from its landmarks (468, 2): 0 when the tip of the
    nose lies midway between the face's edges, 1 on one of them, beyond it more, up to `FULLY`."""
    left, right = points[EDGES[0]], points[EDGES[1]]
    across = right - left
    width = float(across @ across)
    if width == 0:
        return FULLY
    place = float((points[NOSE_TIP] - left) @ across) / width
    return min(FULLY, abs(2 * place - 1))


def check_envelope(measures: Measures, envelope: EnvelopeRecord | None) -> EnvelopeCheck | None:
    """Compare a person with the envelope; None when the detector's record has no bounds."""
    if envelope is None or not envelope.measures:
        return None
    outside = [
        Outlier(name, measures[name], bounds.low, bounds.high, _describe(measures[name], bounds))
        for name, bounds in envelope.measures.items()
        if name in measures and is_outside(measures[name], bounds)
    ]
    return EnvelopeCheck(dict(measures), tuple(outside))


def envelope_check_record(envelope_check: EnvelopeCheck | None) -> EnvelopePart | None:
    """The verdict's field `envelope`: None when the detector has no bounds."""
    if envelope_check is None:
        return None
    return {
        "inside": not envelope_check.outside,
        "measures": {name: round(value, 4) for name, value in envelope_check.measures.items()},
        "outside": [_outlier(outlier) for outlier in envelope_check.outside],
    }


def _outlier(outlier: Outlier) -> OutlierPart:
    return {
        "measure": outlier.measure,
        "value": outlier.value,
        "low": outlier.low,
        "high": outlier.high,
        "text": outlier.text,
    }


def is_outside(value: float, bounds: BoundsRecord) -> bool:
    """Whether a value lies beyond a bound; the bound itself is inside."""
    return (bounds.low is not None and value < bounds.low) or (
        bounds.high is not None and value > bounds.high
    )


def _describe(value: float, bounds: BoundsRecord) -> str:
    return f"{bounds.what}: {short(value)}, measured on {bounds.range_text}"
