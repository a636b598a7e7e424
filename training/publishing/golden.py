"""Judges the golden clip with a detector, and writes the score into its record.

python -m ddaemon.training.publishing.golden FOLDER
"""

import sys
import tempfile
from pathlib import Path

from ...stages.base import Context, Subject
from ...stages.chain import VERDICT, build_chain, run_chain
from ...stages.networks.detector import load_detector
from ...stages.settings import FeaturesSettings, StageSettings
from ...stages.shipped import data_file
from ...storage.content import hash_file
from ...storage.detector_record import GoldenRecord
from ...storage.registry import DetectorFolder, read_detector
from ...storage.times import iso
from .detector_folder import set_golden

CLIP = "demo-forged.mp4"
# Scores repeat to six digits on one machine; another processor's rounding shifts the third.
TOLERANCE = 0.01


def add_golden(folder: Path) -> DetectorFolder:
    """Judge the clip with the default settings, on the CPU, and note the probability."""
    settings = StageSettings(features=FeaturesSettings(device="cpu"))
    probability = judge(read_detector(folder), data_file(CLIP), settings)
    golden = GoldenRecord(
        clip=CLIP, frames=settings.frames.count, probability=probability, tolerance=TOLERANCE
    )
    return set_golden(folder, golden)


def judge(detector: DetectorFolder, clip: Path, settings: StageSettings) -> float:
    """The probability of fake that the whole chain gives a clip."""
    now = iso(0)
    subject = Subject(clip.name, hash_file(clip), clip.stat().st_size, now, now)
    with tempfile.TemporaryDirectory() as work:
        context = Context(
            video=clip,
            work=Path(work),
            subject=subject,
            settings=settings,
            detector=load_detector(detector, settings.features),
            facts={},
            progress=lambda _part: None,
        )
        facts = run_chain(build_chain(settings.stages), context, lambda _stage, _percent: None)
    return float(facts[VERDICT]["probability"])


if __name__ == "__main__":
    add_golden(Path(sys.argv[1]))
