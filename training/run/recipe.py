"""The recipe of a training run: everything that its result depends on besides the data.

`ddaemon train --recipe FILE` reads it as TOML, and a run keeps it as `recipe.json`.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from ...stages.settings import Section
from ...storage.detector_record import KindName
from ...storage.errors import UserError

OpenShare = Annotated[float, Field(gt=0, lt=1)]  # neither end is of any use


class HeadSettings(Section):
    """The network over the sequence, and how it is fitted. What `--trials` searches."""

    units: Annotated[int, Field(ge=1, description="of the LSTM, each direction")] = 32
    attention_units: Annotated[int, Field(ge=1, description="width of the attention's keys")] = 32
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of numbers hidden")] = 0.5
    decay: Annotated[float, Field(ge=0, description="L2 penalty")] = 1e-4
    rate: Annotated[float, Field(gt=0, description="of learning, at the start")] = 5e-4
    smoothing: Annotated[float, Field(ge=0, lt=1, description="of labels")] = 0.05
    batch: Annotated[int, Field(ge=2, description="videos a batch")] = 128


class FinetuneSettings(Section):
    """How `--finetune` trains the backbone on single face crops."""

    epochs: Annotated[int, Field(ge=1, description="at most")] = 10
    rate: Annotated[float, Field(gt=0, description="of learning, at the start")] = 3e-4
    decay: Annotated[float, Field(ge=0, description="weight decay")] = 1e-2
    smoothing: Annotated[float, Field(ge=0, lt=1, description="of labels")] = 0.05
    batch: Annotated[int, Field(ge=2, description="faces a batch, half of them fake")] = 32
    blended: Annotated[
        float, Field(ge=0, le=1, description="share of the fakes that are blended from reals")
    ] = 0.25
    crossed: Annotated[
        float, Field(ge=0, le=1, description="share of those that get somebody else's face")
    ] = 0.0
    steps: Annotated[int, Field(ge=0, description="batches an epoch; 0: one pass")] = 0
    average: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="momentum of the running average of the weights that is judged and kept; "
            "0: the weights themselves",
        ),
    ] = 0.0
    frozen_norm: Annotated[
        bool, Field(description="leave batch normalisation as the start has it")
    ] = False
    frozen_to: Annotated[
        str,
        Field(description="the last layer, from the input on, that stays as the start has it"),
    ] = ""


class Recipe(Section):
    """What a run was asked for."""

    protocol: Annotated[
        Literal["sound", "seed"],
        Field(description='"seed" repeats the seed system\'s recipe beside the sound one'),
    ] = "sound"
    frames: Annotated[
        int, Field(ge=1, le=10_000, description="frames per video; views of a face image")
    ] = 32
    mode: Annotated[Literal["faces", "frame"], Field(description="face crops, or whole frames")] = (
        "faces"
    )
    backbone: Annotated[
        str,
        Field(description="what to start from: efficientnet_lite0, efficientnetv2b0 or a detector"),
    ] = "lite0-sequence"
    averaged: Annotated[
        tuple[str, ...],
        Field(description="detectors whose weights are averaged with those one starts from"),
    ] = ()
    weights: Annotated[
        str, Field(description="a file with the weights of efficientnet_lite0 or efficientnetv2b0")
    ] = ""
    size: Annotated[
        int,
        Field(ge=0, le=1024, description="side of the network's input in pixels; 0: its usual one"),
    ] = 0
    margin: Annotated[
        float,
        Field(
            ge=0,
            le=3,
            description="side of a face crop in sides of the landmarks' hull; 0: 1.1, as usual",
        ),
    ] = 0.0
    mirrored: Annotated[
        bool,
        Field(description="score the mean of each crop and its mirror image: twice the cost"),
    ] = False
    epochs: Annotated[int, Field(ge=0, description="epochs of the head's fit, at most")] = 30
    patience: Annotated[
        int,
        Field(ge=1, description="epochs without a better AUC on validation before the fit ends"),
    ] = 6
    trials: Annotated[
        int, Field(ge=0, description="settings of the head to try; 0: use those of the recipe")
    ] = 0
    tuner: Annotated[
        Literal["random", "hyperband"], Field(description="how the settings to try are chosen")
    ] = "random"
    balance: Annotated[
        Literal["class-weight", "smote", "none"],
        Field(description="how unequal class sizes are balanced, in the training part only"),
    ] = "class-weight"
    finetune: Annotated[bool, Field(description="train the backbone too, on face crops")] = False
    forge: Annotated[bool, Field(description="add self-blended forgeries of the reals")] = False
    split: Annotated[
        Literal["auto", "group", "given"],
        Field(description="auto: the data set's own split if it is sound, else by group"),
    ] = "auto"
    val: Annotated[OpenShare, Field(description="share of the groups for validation")] = 0.15
    test: Annotated[OpenShare, Field(description="share of the groups for the report")] = 0.15
    calibration: Annotated[
        Literal["platt", "temperature", "isotonic"],
        Field(description="how scores become probabilities"),
    ] = "platt"
    false_positives: Annotated[
        OpenShare, Field(description="share of reals that may be called fake, on validation")
    ] = 0.05
    false_negatives: Annotated[
        OpenShare, Field(description="share of fakes that may be called real, on validation")
    ] = 0.10
    keep_frames: Annotated[
        bool, Field(description="keep the frames as JPEGs in the run's folder")
    ] = False
    description: Annotated[str, Field(description="one line for the detector's record")] = ""
    learned_from: Annotated[
        tuple[str, ...], Field(description="the data in words, for the record; else its layout")
    ] = ()
    licence: Annotated[str, Field(description="licence of the weights, for the record")] = ""
    blind_to: Annotated[
        tuple[KindName, ...],
        Field(description="kinds of manipulation not to be expected of it, for the record"),
    ] = ()
    seed: Annotated[int, Field(ge=0, lt=2**31, description="seed of all random draws")] = 0
    head: HeadSettings = HeadSettings()
    finetuning: FinetuneSettings = FinetuneSettings()


SEED_PROTOCOL: dict[str, Any] = {
    "protocol": "seed",
    "frames": 300,
    "mode": "frame",
    "backbone": "efficientnetv2b0",
    "epochs": 50,
}


def make_recipe(
    file: Path | None, flags: dict[str, Any], base: dict[str, Any] | None = None
) -> Recipe:
    """`base` (else the defaults), then the file's values, then the flags'.

    `protocol = "seed"` has defaults of its own.
    Raises `UserError` that lists every fault at once.
    """
    given = (base or {}) | (_read(file) if file else {}) | flags
    if base is None and given.get("protocol") == "seed":
        given = SEED_PROTOCOL | given
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UserError(f"the recipe can't be used: {faults}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file} is not a recipe: {error}") from error
