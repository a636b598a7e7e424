from pathlib import Path

import pytest

from ddaemon.storage.registry import DEFAULT_DETECTOR, Registry
from ddaemon.training.run.folder import Run
from ddaemon.training.run.progress_callback import silent
from ddaemon.training.run.recipe import Recipe
from ddaemon.training.steps.context import RunContext
from ddaemon.training.steps.publish_step import next_version


def context(folder: Path, name: str) -> RunContext:
    run = Run(folder / "run", name, folder / "data", Recipe())
    registry = Registry(folder / "detectors")
    return RunContext(run, registry, folder / "detectors", folder / "cache", silent, print, 1)


@pytest.mark.parametrize("known", [True, False])
def test_a_detector_of_a_known_name_is_its_next_version(tmp_path: Path, known: bool) -> None:
    bundled = int(Registry(tmp_path).get(DEFAULT_DETECTOR).record.version)
    name, expected = (DEFAULT_DETECTOR, bundled + 1) if known else ("another", 1)
    assert next_version(context(tmp_path, name)) == str(expected)
