"""The house: floors, rooms, and nothing squatting outside."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = (
    "storage",
    "isolation",
    "record",
    "stages",
    "training",
    "daemon",
    "cli",
)  # from the ground up
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY = {"c2pa", "tensorflow", "keras", "openvino", "av", "cv2", "sklearn", "matplotlib", "pandas"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Modules of the package that a file imports, as parts like `storage.queue`."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            yield ".".join((*base, *(node.module or "").split("."))).strip(".")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ddaemon"):
            yield (node.module or "").removeprefix("ddaemon.")


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_run_down_only(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    for path in sources(floor):
        wrong = [name for name in imported(path) if name.split(".")[0] in above]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong} from a floor above"


def test_no_imports_go_in_circles() -> None:
    graph: dict[str, set[str]] = {}
    for floor in FLOORS:
        for path in sources(floor):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            graph[name] = set(_at_import_time(path))
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join((*trail, name))}"
        if name in done or name not in graph:
            return
        for needed in graph[name]:
            visit(needed, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def _at_import_time(path: Path) -> Iterator[str]:
    """What is imported when the file is: not inside functions, not for type checkers only."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            yield ".".join((*base, *(node.module or "").split("."))).strip(".")


def test_every_package_is_listed() -> None:
    listed = set(PYPROJECT["tool"]["setuptools"]["packages"])
    found = {"ddaemon"}
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("__init__.py"):
            found.add(".".join(("ddaemon", *path.parent.relative_to(ROOT).parts)))
    assert listed == found, "an unlisted package is missing from the wheel without a word"


def test_every_folder_with_code_is_a_package() -> None:
    for floor in FLOORS:
        for path in sources(floor):
            assert (path.parent / "__init__.py").is_file(), path


def test_init_is_the_only_python_file_at_the_root() -> None:
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("floor", ["storage", "daemon", "cli"])
def test_the_service_process_imports_nothing_heavy(floor: str) -> None:
    for path in sources(floor):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            assert not HEAVY & {name.split(".")[0] for name in names}, path


def test_no_function_is_a_list_of_steps_that_nobody_named() -> None:
    for floor in FLOORS:
        for path in sources(floor):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    length = (node.end_lineno or 0) - node.lineno + 1
                    assert length <= 50, f"{path.name}: {node.name} has {length} lines"
