"""The record that travels with a detector's weights: `record.json` in the detector's folder.

A detector's folder holds `record.json`, the files that the record names (each with its SHA-256),
and nothing that could run code. The detector's own identity is the SHA-256 of `record.json`,
which covers every file through the checksums inside.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"
FILE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"  # never a path
MAX_SIDE = 2048  # pixels of the network's input
MAX_WIDTH = 65_536  # of a vector or a state

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
# A hair beyond 0 and 1 is a threshold that nothing reaches.
Threshold = Annotated[float, Field(ge=-1e-6, le=1 + 1e-6, allow_inf_nan=False)]
KindName = Annotated[str, Field(min_length=1, max_length=200)]
Width = Annotated[int, Field(ge=1, le=MAX_WIDTH)]


class RecordPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackboneRecord(RecordPart):
    """The network that turns one face crop into one vector."""

    name: str  # efficientnet_lite0 or efficientnetv2b0
    width: Width  # of the feature vector
    weights: Literal["own", "external"]  # external: ImageNet's, or `features.weights`
    difference_from_keras: float | None = None  # max abs, OpenVINO against Keras, same input


class CropRecord(RecordPart):
    """What the network sees: a square around the landmarks' hull, or the whole frame.

    The square's side is `side` times the larger side of the hull of the 468 landmarks. A whole
    frame is resized to a square, its shape ignored.
    """

    kind: Literal["landmark_hull", "whole_frame"] = "landmark_hull"
    side: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 1.10


class PreprocessingRecord(RecordPart):
    """`(x - mean) / std` over RGB values 0..255, after resizing the crop to `size` pixels."""

    size: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    crop: CropRecord
    mean: tuple[Finite, Finite, Finite]
    std: tuple[Positive, Positive, Positive]
    mirrored: bool = False  # the mean over each crop and its mirror image is what counts


class HeadRecord(RecordPart):
    """The network over the sequence of vectors, or over their mean as a sequence of one step."""

    kind: Literal["bilstm_attention"] = "bilstm_attention"
    pooling: Literal["none", "mean"] = "none"
    units: Width  # of the LSTM, each direction
    attention_units: Width


class CalibrationRecord(RecordPart):
    """How a logit becomes a probability of fake.

    Platt: sigmoid(slope * logit + offset). Temperature: the same, slope = 1 / T and offset 0.
    Isotonic: linear between knots (logit, probability), constant outside them; slope and offset
    stay 1 and 0.
    """

    kind: Literal["platt", "temperature", "isotonic"] = "platt"
    slope: Finite
    offset: Finite
    frame_slope: Finite  # the same for one frame's logit
    frame_offset: Finite
    knots: tuple[tuple[float, float], ...] = ()  # of isotonic
    frame_knots: tuple[tuple[float, float], ...] = ()

    @model_validator(mode="after")
    def _knots_rise(self) -> "CalibrationRecord":
        for knots in (self.knots, self.frame_knots):
            if bool(knots) != (self.kind == "isotonic"):
                raise ValueError("isotonic calibration has knots, and no other kind has")
            if any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(knots)):
                raise ValueError("the knots must rise")
            if any(not 0 <= probability <= 1 for _, probability in knots):
                raise ValueError("the knots' probabilities must lie between 0 and 1")
        return self


class ThresholdsRecord(RecordPart):
    """`fake` from here up, `real` from here down, inconclusive between; and how often that is
    wrong on the named data. Rates are of all videos with that label; intervals are 95 %."""

    fake: Threshold
    real: Threshold
    false_positive_rate: float  # real called fake
    false_positive_interval: tuple[float, float]
    false_negative_rate: float  # fake called real
    false_negative_interval: tuple[float, float]
    inconclusive_rate: float
    measured_on: str
    videos: int


def short(value: float) -> str:
    """A measure as people read it: three digits, or whole pixels."""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


class BoundsRecord(RecordPart):
    """What one measure of a face was like in the videos that the detector was measured on."""

    what: str  # is measured, in words
    low: float | None  # None: it has no bound on that side
    high: float | None
    within: float  # share of the measured videos that lies inside
    chosen: str  # how, in words

    @property
    def range_text(self) -> str:
        """The bounds as people read them."""
        low, high = (None if end is None else short(end) for end in (self.low, self.high))
        if low is None:
            return "anything" if high is None else f"up to {high}"
        return f"{low} and more" if high is None else f"{low} to {high}"


class EnvelopeRecord(RecordPart):
    """The operating envelope: what faces may be like for the stated error rates to hold."""

    measures: dict[str, BoundsRecord]  # ddaemon.stages.envelope says how each is taken
    unmeasured: dict[str, str]  # measure -> what it is, and why it has no bounds
    measured_on: str
    videos: int
    within: float  # share of them that is inside all bounds at once
    rule: str  # by which the bounds were chosen, in words


class GoldenRecord(RecordPart):
    """A clip whose probability must reproduce on this machine."""

    clip: Annotated[str, Field(pattern=FILE_PATTERN)]  # in ddaemon's own package data
    frames: Annotated[int, Field(ge=1, le=10_000)]  # frames.count it was judged with
    probability: float
    tolerance: float


class DetectorRecord(RecordPart):
    """Everything that is known about a detector, apart from its weights."""

    format: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    version: str
    created_at: str
    description: str
    licence: str
    data: list[str]  # what it learned from, in words
    command: str  # what made it
    blind_to: tuple[KindName, ...] = ()  # kinds of manipulation it is not expected to see
    backbone: BackboneRecord
    preprocessing: PreprocessingRecord
    head: HeadRecord
    calibration: CalibrationRecord
    thresholds: ThresholdsRecord
    metrics: dict[str, Any]
    files: dict[  # file name -> SHA-256
        Annotated[str, Field(pattern=FILE_PATTERN)], Annotated[str, Field(pattern=SHA256_PATTERN)]
    ]
    golden: GoldenRecord | None = None
    envelope: EnvelopeRecord | None = None  # None: nobody measured one
    software: dict[str, str]
