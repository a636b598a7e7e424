"""Judges clips on every Python that the project promises, with the dependencies of the lock.

    python .ci/pythons.py UV [VERSION ...]

For each version: an environment of its own from requirements.lock with hashes, the package
installed as pip does it, every module imported, a clip judged in a confined worker
(`ddaemon check`) and by the real service (`ddaemon demo`), and `ddaemon doctor`. The same libraries
must give the score that the Python which runs this script gives; one that differs, or can't be had,
is a failure.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "stages" / "data" / "demo-forged.mp4"
CLASSIFIER = "Programming Language :: Python :: "
TOLERANCE = 1e-4  # of a probability: kernels of one library version may round otherwise
# What Alembic alone can run.
NOT_IMPORTED = "ddaemon.storage.migrations.env"
IMPORT_ALL = f"""
import importlib, pkgutil, ddaemon
names = [module.name for module in pkgutil.walk_packages(ddaemon.__path__, "ddaemon.")]
for name in names:
    if name != "{NOT_IMPORTED}" and not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), "modules import")
"""


def promised() -> list[str]:
    """The versions in pyproject.toml's classifiers, such as 3.12."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [c.removeprefix(CLASSIFIER) for c in project["classifiers"] if CLASSIFIER in c]
    return [version for version in found if "." in version]


def find_python(uv: str, version: str) -> str:
    """An interpreter of this version: on the PATH, of pyenv, or installed by uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    there = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")]
    for python in filter(None, there):
        if _says(str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return str(python)
    _says(uv, "python", "install", "--quiet", version)
    if found := _says(uv, "python", "find", "--managed-python", version):
        return found
    sys.exit(
        f"Python {version} is neither on this machine nor can uv install it: install it (Debian, "
        "pyenv, python.org), or name the versions that are there: make pythons PYTHONS=3.13"
    )


def _says(*command: str) -> str:
    """What a program prints; empty where it fails, as a shim of pyenv does for what it lacks."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def make_environment(uv: str, version: str) -> str:
    """A fresh environment with the locked dependencies and the package; its interpreter."""
    folder = ROOT / f".venv-{version}"
    run([uv, "venv", "--quiet", "--clear", "--python", find_python(uv, version), str(folder)])
    python = str(folder / "bin" / "python")
    install = [uv, "pip", "install", "--quiet", "--python", python, "--no-deps"]
    run([*install, "--require-hashes", "--requirement", str(ROOT / "requirements.lock")])
    with tempfile.TemporaryDirectory() as copy:  # a build leaves its files beside its source
        source = shutil.copytree(ROOT, f"{copy}/ddaemon", ignore=shutil.ignore_patterns(".*"))
        run([*install, "--no-build-isolation", "--no-index", str(source)])
    return python


def judge(python: str) -> dict[str, Any]:
    """The record of the clip, judged with this interpreter."""
    record: dict[str, Any] = json.loads(ddaemon(python, "check", "--json", str(CLIP)))
    return record


def try_all(python: str, expected: dict[str, Any]) -> str:
    """What was found, in one line. Exits where something fails or differs."""
    imported = run([python, "-c", IMPORT_ALL])
    found = judge(python)
    apart = abs(found["probability"] - expected["probability"])
    if found["decision"] != expected["decision"] or not apart <= TOLERANCE:
        sys.exit(
            f"{python} judges {CLIP.name} {found['decision']} {found['probability']}, this Python "
            f"{expected['decision']} {expected['probability']}"
        )
    ddaemon(python, "demo", "--out", "demo-out")
    ddaemon(python, "doctor")
    return (
        f"{imported.strip()}; check, demo and doctor are well; {CLIP.name} is {found['decision']} "
        f"{found['probability']:.6f}, {apart:.1e} from this Python's score"
    )


def ddaemon(python: str, *words: str) -> str:
    """Run a command on a home that is made for it, away from the checkout."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-m", "ddaemon.cli", "--home", f"{folder}/home"]
        run([*command, "init"], folder)
        return run([*command, *words], folder)


def run(command: list[str], folder: str | None = None) -> str:
    """Its output; exits with all that it printed where it fails."""
    env = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def main(uv: str, *versions: str) -> None:
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    expected = judge(sys.executable)
    print(f"Python {this}: {CLIP.name} is {expected['decision']} {expected['probability']:.6f}")
    for version in versions or [each for each in promised() if each != this]:
        print(f"Python {version}: {try_all(make_environment(uv, version), expected)}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
