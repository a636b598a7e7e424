"""The record is composed so that somebody else can repeat the run."""

import json

from ddaemon.stages.settings import StageSettings
from ddaemon.stages.verdict import repeatable_settings


def test_recorded_settings_are_read_again_as_they_were_without_those_of_idle_plugins() -> None:
    told = StageSettings.model_validate(
        {"stages": ["frames", "mine", "report"], "frames": {"count": 7},
         "plugins": {"mine": {"depth": 3}, "idle": {"password": "x"}}}
    )  # fmt: skip
    recorded = json.loads(json.dumps(repeatable_settings(told)))
    again = StageSettings.model_validate(recorded)
    assert (again.frames, again.stages) == (told.frames, told.stages)
    assert again.plugins == {"mine": {"depth": 3}}
