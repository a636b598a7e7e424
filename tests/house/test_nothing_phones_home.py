"""A judgement leaves no trace outside its folders, and sends nothing."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from ddaemon.stages.detection.landmarks import LandmarkFinder
LandmarkFinder(1)
import openvino
assert not sys.modules["openvino_telemetry"]
"""


def test_openvino_writes_no_client_id_and_reports_no_usage(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "telemetry" not in done.stderr
    assert list(tmp_path.rglob("*")) == []
