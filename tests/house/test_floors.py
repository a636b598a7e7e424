"""The house: floors, rooms, and nothing squatting outside."""

import ast
import tomllib
from pathlib import Path

import pytest

from ddaemon.isolation.sandbox.system_paths import PARTS_OF_PACKAGE
from ddaemon.tests.house.rooms import FLOORS, INSIDE, ROOMS, ROOT, imported, modules, sources

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = {"c2pa", "tensorflow", "keras", "openvino", "av", "cv2", "sklearn", "matplotlib", "pandas"}
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def wrong_floors(root: Path) -> list[str]:
    """Imports that run up, or into another room of the same floor."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for room in ROOMS
        for path in sources(room, root)
        for name in imported(path, root)
        if (other := name.split(".")[0]) in FLOOR and other != room and FLOOR[other] >= FLOOR[room]
    ]


def wrong_order(root: Path, room: str) -> list[str]:
    """Imports that run up inside of a room whose parts have an order."""
    order = INSIDE[room]

    def height(module: str) -> int:
        part = module.split(".")[1] if "." in module else ""
        return order.index(part) if part in order else len(order)

    return [
        f"{name} imports {other}"
        for name, path in modules(root).items()
        if name.startswith(f"{room}.")
        for other in imported(path, root)
        if other.startswith(f"{room}.") and height(other) > height(name)
    ]


def circles(root: Path) -> list[str]:
    graph = {name: sorted(set(imported(path, root))) for name, path in modules(root).items()}
    done: set[str] = set()
    found: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            found.append(" -> ".join((*trail[trail.index(name) :], name)))
        elif name in graph and name not in done:
            for needed in graph[name]:
                visit(needed, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    return found


def test_imports_run_down_only() -> None:
    assert wrong_floors(ROOT) == []


@pytest.mark.parametrize("room", INSIDE)
def test_the_parts_of_a_room_keep_their_order(room: str) -> None:
    assert wrong_order(ROOT, room) == []
    missing = [part for part in INSIDE[room] if not [*(ROOT / room).glob(f"{part}*")]]
    assert not missing, "the order names parts that are not there"


def test_no_imports_go_in_circles() -> None:
    assert circles(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("storage/low.py", "from ..cli import high", wrong_floors),
        (
            "daemon/beside.py",
            "def late():\n    from ..training.steps import all_steps",
            wrong_floors,
        ),
        ("record/beside.py", "from ddaemon.isolation import process", wrong_floors),
        (
            "daemon/home/low.py",
            "from ..verify.high import x",
            lambda root: wrong_order(root, "daemon"),
        ),
        (
            "training/run/low.py",
            "from ..steps import x",
            lambda root: wrong_order(root, "training"),
        ),
        ("stages/round.py", "def late():\n    from . import trip", circles),
    ],
)
def test_the_law_sees_who_breaks_it(tmp_path: Path, file: str, line: str, fault) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    for other, text in {
        "stages/trip.py": "from .round import late",
        "daemon/verify/high.py": "x = 1",
        "training/steps/__init__.py": "",
    }.items():
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text(text)
    assert len(fault(tmp_path)) == 1
    path.write_text("")
    modules.cache_clear()
    assert fault(tmp_path) == []


def test_every_package_is_listed() -> None:
    listed = set(PYPROJECT["tool"]["setuptools"]["packages"])
    found = {"ddaemon"}
    for room in ROOMS:
        for path in (ROOT / room).rglob("__init__.py"):
            found.add(".".join(("ddaemon", *path.parent.relative_to(ROOT).parts)))
    assert listed == found, "an unlisted package is missing from the wheel without a word"


def test_every_folder_with_code_is_a_package() -> None:
    for room in ROOMS:
        for path in sources(room):
            assert (path.parent / "__init__.py").is_file(), path


def test_init_is_the_only_python_file_at_the_root() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_a_confined_worker_may_read_every_room() -> None:
    assert set(ROOMS) <= set(PARTS_OF_PACKAGE)


@pytest.mark.parametrize("room", ["storage", "isolation", "record", "daemon", "cli"])
def test_the_service_process_imports_nothing_heavy(room: str) -> None:
    for path in sources(room):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            assert not HEAVY & {name.split(".")[0] for name in names}, path
