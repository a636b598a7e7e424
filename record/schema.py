"""The record of a judged video, `verdict.json` of format 2, as types.

`Verdict` is the whole record: the closing stage composes it, and docs/verdict.schema.json is
generated from it (`make schema`). The types before it name what a reader may rely on in a record
that somebody else may have written; `parsing.py` checks that much and drops the rest. Their items
are read-only where the whole record says more of the same item.

Times are ISO 8601 in UTC, boxes are [x, y, width, height] in pixels of the displayed frame, `t` is
in seconds from the start of the video. Nothing heavy is imported here: pydantic, where it is used,
asks the metadata for what it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import ReadOnly, TypedDict

FORMAT: Literal[2] = 2


class Limited:
    """Limits of a value, by pydantic's names: ge, le, min_length, max_length, pattern."""

    def __init__(self, **limits: float | str) -> None:
        self._limits = limits

    def __get_pydantic_core_schema__(
        self, source: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return {**handler(source), **self._limits}


class Described:
    """What a value means, and further keywords of JSON Schema that its type can't express."""

    def __init__(self, description: str = "", **keywords: Any) -> None:
        self._keywords = keywords | ({"description": description} if description else {})

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return {**handler(schema), **self._keywords}


Share = Annotated[float, Limited(ge=0, le=1)]
NaturalInt = Annotated[int, Limited(ge=0)]
PositiveInt = Annotated[int, Limited(ge=1)]
RateInterval = Annotated[list[Share], Limited(min_length=2, max_length=2)]
PixelBox = Annotated[list[int], Limited(min_length=4, max_length=4)]
Sha256 = Annotated[str, Limited(pattern=r"^[0-9a-f]{64}$")]
Timestamp = Annotated[
    str,
    Limited(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"),
    Described(format="date-time"),
]

Decision = Literal["fake", "real", "inconclusive", "not_analysable"]
RefusalReason = Literal["no_face", "too_short", "undecodable", "unsupported"]
Rotation = Literal[0, 90, 180, 270]  # degrees clockwise
LookName = Literal["reencoded", "halved", "brightened"]
HeatMethod = Literal["gradcam", "gradcam++", "occlusion"]
ProvenanceState = Literal["valid", "untrusted", "invalid", "absent", "not_supported"]
StreamKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover", "unknown"]
ScaleWords = Literal[
    "no signs of manipulation found",
    "inconclusive",
    "signs of manipulation",
    "strong signs of manipulation",
    "could not be examined",
]


# -- what a reader may rely on, whoever wrote the record -------------------------------------


class InputId(TypedDict):
    """Which video was judged."""

    name: Annotated[str, Described("the file as its user called it")]
    sha256: Sha256


class DetectorId(TypedDict):
    """Which detector judged it."""

    name: str
    version: str
    sha256: Sha256


class CustodyEntry(TypedDict):
    """One step of the file's way."""

    at: ReadOnly[str]
    what: Annotated[
        str,
        Described(
            "received, attempt started, judged; audit log: the log's last entry when the record "
            "was closed, as `entry SEQ:HASH`"
        ),
    ]
    detail: str


class FrameScore(TypedDict):
    """One face in one frame."""

    t: float
    box: ReadOnly[list[int]]
    score: ReadOnly[float]


class FaceScores(TypedDict):
    """One person through the video."""

    track: Annotated[int, Described("one person through the video")]
    probability: ReadOnly[float]
    frames: ReadOnly[Sequence[FrameScore]]


class CustodyRecord(TypedDict):
    """Who had the file; a record of format 1 does not say."""

    custody: ReadOnly[NotRequired[Sequence[CustodyEntry]]]


class PublishableRecord(CustodyRecord):
    """What it takes to publish a record, of either format, and to send notices of it."""

    detector: ReadOnly[NotRequired[DetectorId | None]]
    thresholds: ReadOnly[NotRequired[Mapping[str, object] | None]]


class OutcomeRecord(TypedDict):
    """What every record of format 2 has, also before it is closed."""

    format: Literal[2]
    job: Annotated[
        str | None, Described("the job's id; null when there was no queue (`ddaemon check`)")
    ]
    input: ReadOnly[InputId]
    decision: ReadOnly[str]
    reason: ReadOnly[str | None]
    probability: ReadOnly[float | None]
    detector: ReadOnly[DetectorId]
    custody: ReadOnly[Sequence[CustodyEntry]]


class VerifiableRecord(OutcomeRecord):
    """What `ddaemon verify` compares."""

    thresholds: ReadOnly[Mapping[str, object]]
    faces: ReadOnly[Sequence[FaceScores]]
    software: Annotated[dict[str, str], Described(required=["ddaemon", "python"])]
    settings: ReadOnly[Mapping[str, object]]
    files: Annotated[
        dict[str, Sha256],
        Described(
            "SHA-256 of every file in the verdict's folder but verdict.json, by its path relative "
            "to it; bytes that are no UTF-8, and the backslash, are written \\xNN"
        ),
    ]


# -- the parts of the whole record -----------------------------------------------------------


class ContainerPart(TypedDict):
    """What the container says of itself, as far as judging needs it."""

    format: str
    codec: str
    width: PositiveInt
    height: PositiveInt
    fps: float | None
    duration_s: float | None
    rotation: Rotation


class InputPart(InputId):
    """The video that was judged."""

    bytes: NaturalInt
    received_at: Timestamp
    container: Annotated[
        ContainerPart | None, Described("null when the container could not be opened")
    ]


class HeaderPart(TypedDict):
    """The container's header."""

    format: str
    duration_s: float | None
    bit_rate: Annotated[int | None, Described("bits a second")]


class StreamPart(TypedDict):
    """What the file says of one stream."""

    index: NaturalInt
    kind: Annotated[StreamKind, Described("cover is a picture for a list of files")]
    codec: str | None
    profile: str | None
    width: PositiveInt | None
    height: PositiveInt | None
    pixel_format: str | None
    fps: float | None
    bit_rate: Annotated[int | None, Described("bits a second")]
    start_s: float | None
    duration_s: float | None
    language: str | None
    sample_rate: PositiveInt | None
    channels: PositiveInt | None
    encoder: str | None


class TracePart(TypedDict):
    """One thing that an examiner would note."""

    kind: Annotated[str, Described("explained in docs/examination.md")]
    text: str


class ExaminationPart(TypedDict):
    """What the file says of itself."""

    container: HeaderPart
    streams: Annotated[list[StreamPart], Described("null where the file does not say")]
    tags: Annotated[
        dict[str, str],
        Described(
            'of the container by name, of a stream as "stream 0: name"; control characters '
            "escaped, long ones cut"
        ),
    ]
    traces: list[TracePart]
    limits: Annotated[str, Described("what a trace can't say")]


class ProvenancePart(TypedDict):
    """What the signed statement in the file is worth."""

    state: ProvenanceState
    detail: Annotated[str, Described("one sentence for a person")]
    claim_generator: Annotated[
        str | None, Described("the program that made the manifest, as the manifest says")
    ]
    signed_by: Annotated[str | None, Described("the signer, as the certificate says")]
    signed_at: Annotated[
        str | None, Described("by the time stamp in the signature; null without one")
    ]


class ThresholdsPart(TypedDict):
    """The detector's thresholds and error rates."""

    fake: Annotated[Share, Described("fake from here up")]
    real: Annotated[Share, Described("real from here down; inconclusive between")]
    false_positive_rate: Annotated[
        Share, Described("of real videos called fake, on the named data")
    ]
    false_positive_interval: RateInterval
    false_negative_rate: Annotated[Share, Described("of fakes called real")]
    false_negative_interval: RateInterval
    inconclusive_rate: Share
    measured_on: str
    videos: int


class FramePart(FrameScore):
    """One face in one frame, and how much it weighed."""

    box: PixelBox
    score: Annotated[Share, Described("of this frame alone")]
    attention: Annotated[Share, Described("its weight in the judgement; a track's sum to 1")]


class FacePart(FaceScores):
    """One person who was judged."""

    probability: Share
    frames: Annotated[list[FramePart], Limited(min_length=1)]


class OutlierPart(TypedDict):
    """A measure that lies outside of its bounds."""

    measure: str
    value: float
    low: float | None
    high: float | None
    text: str


class EnvelopePart(TypedDict):
    """Where the video stands in the detector's operating envelope."""

    inside: bool
    measures: Annotated[
        dict[str, float],
        Described(
            "of the person who decides: face_px, brightness, detail, profile, share; what could "
            "not be taken is absent"
        ),
    ]
    outside: Annotated[
        list[OutlierPart],
        Described("what lies outside of the bounds that the detector was measured within"),
    ]


class LookPart(TypedDict):
    """One more look at the same frames, altered."""

    name: LookName
    decision: Decision
    probability: Share | None


class StabilityPart(TypedDict):
    """Whether the decision stands when the frames are altered."""

    looks: Annotated[list[LookPart], Limited(min_length=1)]
    flipped: Annotated[
        bool,
        Described(
            "whether a look's score belongs to the opposite decision; the decision is then "
            "inconclusive"
        ),
    ]
    text: str


class FaithfulnessPart(TypedDict):
    """Whether a heatmap is right about the verdict."""

    deletion: Annotated[
        Share,
        Described(
            "area under the person's probability of fake while the face is blurred, the hottest "
            "cells first: low is good"
        ),
    ]
    insertion: Annotated[
        Share,
        Described("the same while a blurred face is shown, the hottest cells first: high is good"),
    ]
    random_deletion: Annotated[
        Share,
        Described(
            "mean over the random orders of the same cells that were tried: none after the first "
            "that does as well as the map"
        ),
    ]
    random_insertion: Annotated[
        Share, Described("the same number: a random order read backwards is as random")
    ]
    better_than_chance: Annotated[
        bool, Described("better than every random order, in deletion and in insertion")
    ]
    text: str


class HeatmapPart(TypedDict):
    """One explained frame by one method."""

    file: Annotated[str, Described("relative to the verdict's folder")]
    frame_file: Annotated[str, Described("the same frame as it is, without heat")]
    t: float
    track: int
    method: HeatMethod
    faithfulness: Annotated[
        FaithfulnessPart | None,
        Described(
            "whether the map is right about the verdict (docs/heatmaps.md); null when it was not "
            "checked or has no heat"
        ),
    ]


class WordsPart(TypedDict):
    """The verdict in words."""

    scale: Annotated[ScaleWords, Described("the decision in the words of a fixed scale")]
    summary: Annotated[str, Described("one hedged sentence with the error rates")]


class StagePart(TypedDict):
    """One stage that ran."""

    name: str
    version: str
    seconds: Annotated[float, Limited(ge=0)]


class DetectorPart(DetectorId):
    """The detector that judged."""

    backbone: str


class CustodyPart(CustodyEntry):
    """One step of the file's way, as this version writes it."""

    at: Timestamp


class Verdict(VerifiableRecord):
    """The whole record. Readers of records that an older version wrote must expect that parts
    which came later are missing."""

    input: InputPart
    decision: Decision
    reason: Annotated[RefusalReason | None, Described("why it is not analysable; null otherwise")]
    detail: Annotated[str | None, Described("one sentence for a person, or null")]
    probability: Annotated[Share | None, Described("of fake, calibrated; null when not analysable")]
    examination: Annotated[
        ExaminationPart | None,
        Described(
            "what the file says of itself; null when it does not open, or the stage examine did "
            "not run"
        ),
    ]
    provenance: Annotated[
        ProvenancePart,
        Described(
            "the C2PA manifest in the file; valid needs an authority in examine.trust, absent "
            "says nothing"
        ),
    ]
    thresholds: Annotated[
        ThresholdsPart,
        Described("the detector's thresholds and how often they are wrong; intervals are 95 %"),
    ]
    faces: list[FacePart]
    envelope: Annotated[
        EnvelopePart | None,
        Described(
            "where the most suspicious person stands in the detector's operating envelope; "
            "outside of it the decision is inconclusive; null when the detector's record has no "
            "bounds"
        ),
    ]
    stability: Annotated[
        StabilityPart | None,
        Described(
            "the same frames looked at again, altered; null when stability.looks asks for none"
        ),
    ]
    heatmaps: list[HeatmapPart]
    facts: Annotated[dict[str, object], Described("what third-party stages publish, by name")]
    limits: Annotated[str, Described("what a score can't say")]
    words: WordsPart
    stages: Annotated[
        list[StagePart],
        Described(
            "frames are decoded while the stage faces looks at them, so their decoding counts there"
        ),
    ]
    detector: DetectorPart
    attempts: PositiveInt
    started_at: Timestamp
    settings: Annotated[
        dict[str, object],
        Described(
            "the settings of the stages that it takes to repeat the run, as in ddaemon.toml; "
            "tables of plugins only of those in the chain",
            properties={"stages": {"type": "array", "items": {"type": "string"}}},
            required=["stages"],
        ),
    ]
    custody: Annotated[
        list[CustodyPart],
        Described("what is known of the file's way when the verdict is written, oldest first"),
    ]
    finished_at: Timestamp
