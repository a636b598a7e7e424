"""The scripts of `.ci/`, which are no package, as modules."""

import importlib.util
from typing import Any

from ddaemon.tests.house.rooms import ROOT


def load_script(name: str) -> Any:
    """`.ci/NAME.py`, loaded afresh."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
