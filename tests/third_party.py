"""`tests/third_party_stage`, installed as a user would, and services that call its stages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ddaemon.stages.shipped import data_file
from ddaemon.tests.service import SETTINGS, Ddaemon

SOURCE = Path(__file__).parent / "third_party_stage"
CHAIN = '["trouble", "frames", "faces", "features", "classify", "gradcam", "report"]'


def install_third_party(folder: Path) -> dict[str, str]:
    """Install it below `folder`; the environment in which it is found."""
    shutil.copytree(SOURCE, folder / "source")
    site = str(folder / "lib")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--target", site, str(folder / "source")],
        check=True,
    )  # fmt: skip
    others = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([site, others] if others else [site])}


def with_deeds(deeds: Mapping[str, str], settings: str) -> str:
    """Settings in which a worker does something bad (`DEEDS` of the package) before it looks at
    the videos of these names."""
    listed = "".join(f'"{name}" = "{deed}"\n' for name, deed in deeds.items())
    return f"stages = {CHAIN}\n{settings}[plugins.trouble.deeds]\n{listed}"


def start_a_job(
    daemon: Ddaemon, third_party: Mapping[str, str], deed: str, settings: str = SETTINGS
) -> None:
    """Start a service and wait until a worker is at its first job, which does `deed` first."""
    clip = data_file("demo-real.mp4")
    daemon.configure(with_deeds({clip.name: deed}, settings))
    shutil.copy(clip, daemon.inbox)
    daemon.start(**third_party)
    daemon.until(lambda: list((daemon.home / "work").glob("*.progress")), "a job in a worker")
