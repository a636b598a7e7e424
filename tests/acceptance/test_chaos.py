"""Every fault of `make chaos`, in its short form."""

from pathlib import Path

import pytest

from ddaemon.tests.chaos.everything import SCENARIOS
from ddaemon.tests.chaos.scenarios import CannotBeTried


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_or_doubled(name: str, tmp_path: Path) -> None:
    try:
        result = SCENARIOS[name].play(tmp_path / "scene", True)
    except CannotBeTried as why:
        pytest.skip(str(why))
    assert result.injected > 0 or name == "soak"
    assert result.accounts.jobs > 0
    assert result.accounts.lost == 0
    assert result.accounts.doubled == 0
    assert result.accounts.faults == []
