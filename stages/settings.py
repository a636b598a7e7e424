"""The settings of the stages: each field is a line of `ddaemon.toml`.

A field's description becomes its comment in a new `ddaemon.toml` and its row in
`docs/settings.md`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ..record.schema import HeatMethod, LookName

BUILT_IN_CHAIN = (
    "examine",
    "frames",
    "faces",
    "features",
    "classify",
    "stability",
    "gradcam",
    "report",
)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a name stands there twice")
    return names


class Section(BaseModel):
    """A table of the file. Unknown keys are faults: a misspelt setting must not be a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExamineSettings(Section):
    trust: Annotated[
        str,
        Field(
            description="a PEM file with the authorities whose provenance signatures are "
            "trusted; empty: none"
        ),
    ] = ""


class FramesSettings(Section):
    count: Annotated[
        int,
        Field(ge=1, le=10_000, description="frames sampled from a video, evenly spaced in time"),
    ] = 32
    keep: Annotated[
        bool, Field(description="keep the frames as JPEGs in the outbox folder, under frames/")
    ] = False
    max_pixels: Annotated[
        int, Field(ge=1, description="a frame with more pixels than this is refused")
    ] = 8192 * 8192
    max_seconds: Annotated[
        float, Field(gt=0, description="a video longer than this is refused")
    ] = 6 * 3600.0


class FacesSettings(Section):
    mode: Annotated[
        Literal["faces", "frame"],
        Field(description='"faces" crops each face; "frame" takes the whole frame'),
    ] = "faces"
    detect_size: Annotated[
        int,
        Field(
            ge=128,
            le=1920,
            description="longer side, in pixels, of the frame that the face detector sees",
        ),
    ] = 480
    min_confidence: Annotated[
        float,
        Field(ge=0, le=1, description="a face found with less confidence than this is ignored"),
    ] = 0.5
    min_size: Annotated[
        int, Field(ge=8, description="a face narrower than this many pixels is ignored")
    ] = 32
    min_frames: Annotated[
        int, Field(ge=1, description="a person seen in fewer frames than this is not judged")
    ] = 4
    max_tracks: Annotated[
        int, Field(ge=1, le=32, description="at most this many people are judged, largest first")
    ] = 4


class FeaturesSettings(Section):
    batch: Annotated[int, Field(ge=1, le=512, description="faces per batch")] = 16
    device: Annotated[
        Literal["auto", "cpu", "gpu"],
        Field(
            description='"cpu" is OpenVINO, "gpu" is TensorFlow; "auto" uses a GPU if there is one'
        ),
    ] = "auto"
    shared: Annotated[
        Literal["auto", "always", "never"],
        Field(
            description="whether one process of the service runs the network for all workers, in "
            'batches across their jobs; "auto": on a GPU'
        ),
    ] = "auto"
    threads: Annotated[
        int,
        Field(
            ge=0,
            description="threads of one worker's networks; 0 lets OpenVINO decide; unless it is 1, "
            "the next frame is decoded meanwhile",
        ),
    ] = 1
    weights: Annotated[
        str, Field(description="a weights file for a detector that has none of its own")
    ] = ""


class StabilitySettings(Section):
    looks: Annotated[
        tuple[LookName, ...],
        Field(
            description='look at the same frames again, "reencoded" (H.264, CRF 32), "halved" (in '
            'size) or "brightened" (by a fifth); a decision that flips is withdrawn'
        ),
    ] = ()


class GradcamSettings(Section):
    count: Annotated[
        int,
        Field(
            ge=0,
            le=64,
            description="frames with heatmaps: those with the strongest evidence for a fake",
        ),
    ] = 4
    methods: Annotated[
        tuple[HeatMethod, ...],
        Field(
            min_length=1,
            description="a heatmap by each: gradcam, gradcam++, occlusion (docs/heatmaps.md)",
        ),
        AfterValidator(_each_once),
    ] = ("gradcam",)
    check: Annotated[
        bool, Field(description="check each heatmap against random ones; costs backbone passes")
    ] = True
    opacity: Annotated[
        float, Field(gt=0, le=1, description="opacity of the heatmap over the frame")
    ] = 0.45


class ReportSettings(Section):
    html: Annotated[bool, Field(description="write report.html, the page for people")] = True
    timeline: Annotated[
        bool, Field(description="write timeline.png, the scores over time as a picture")
    ] = True
    overlay: Annotated[
        bool,
        Field(
            description="write overlay.mp4, the video with faces, scores and heatmaps drawn over it"
        ),
    ] = False


class StageSettings(Section):
    """What the chain hands to every stage. A third-party stage finds its own table under
    `plugins.<its name>`."""

    stages: Annotated[
        tuple[str, ...], Field(description="the chain, in order; `ddaemon stages` lists them")
    ] = BUILT_IN_CHAIN
    examine: ExamineSettings = ExamineSettings()
    frames: FramesSettings = FramesSettings()
    faces: FacesSettings = FacesSettings()
    features: FeaturesSettings = FeaturesSettings()
    stability: StabilitySettings = StabilitySettings()
    gradcam: GradcamSettings = GradcamSettings()
    report: ReportSettings = ReportSettings()
    plugins: Annotated[
        dict[str, dict[str, Any]],
        Field(description="one table for each third-party stage (docs/stages.md)"),
    ] = {}

    @model_validator(mode="after")
    def _looks_need_their_stage(self) -> Self:
        if self.stability.looks and "stability" not in self.stages:
            raise ValueError(
                "stability.looks asks for looks, but stages does not list stability; "
                'add "stability" after "classify"'
            )
        return self
