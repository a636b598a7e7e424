"""The settings of the stages: each field is a line of `ddaemon.toml`.

A field's description becomes its comment in the generated file and its row in README.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BUILT_IN_CHAIN = ("examine", "frames", "faces", "features", "classify", "gradcam", "report")


class Section(BaseModel):
    """A table of the file. Unknown keys are faults: a misspelt setting must not be a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExamineSettings(Section):
    trust: Annotated[
        str,
        Field(
            description="a PEM file of the authorities whose signatures of provenance count as "
            "trusted; empty: none"
        ),
    ] = ""


class FramesSettings(Section):
    count: Annotated[
        int, Field(ge=1, le=10_000, description="frames looked at, evenly spaced in time")
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
        int, Field(ge=128, le=1920, description="longer side of the frame the face finder sees")
    ] = 480
    min_confidence: Annotated[
        float, Field(ge=0, le=1, description="a face less certain than this is ignored")
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
    batch: Annotated[int, Field(ge=1, le=512, description="faces a batch")] = 16
    device: Annotated[
        Literal["auto", "cpu", "gpu"],
        Field(description='"cpu" is OpenVINO, "gpu" is TensorFlow; "auto" takes a GPU if there is'),
    ] = "auto"
    threads: Annotated[
        int, Field(ge=0, description="threads of one worker's network; 0 lets OpenVINO decide")
    ] = 1
    weights: Annotated[
        str, Field(description="a weights file for a detector that brings none of its own")
    ] = ""


class GradcamSettings(Section):
    count: Annotated[
        int, Field(ge=0, le=64, description="heatmaps a video: the frames that weighed most")
    ] = 4
    opacity: Annotated[float, Field(gt=0, le=1, description="of the heatmap over the frame")] = 0.45


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
    gradcam: GradcamSettings = GradcamSettings()
    plugins: Annotated[
        dict[str, dict[str, Any]], Field(description="one table for each third-party stage")
    ] = {}
