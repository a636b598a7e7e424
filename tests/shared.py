"""Where the tests find data that is not part of the project."""

import os
from pathlib import Path

import pytest

REPO_ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("DDAEMON_SHARED", REPO_ROOT / ".." / "shared")).resolve()
needs_shared = pytest.mark.skipif(
    not (SHARED / "detectors" / "lite0-v0").is_dir(),
    reason="the shared data (DDAEMON_SHARED, or ../shared) is not on this machine",
)
