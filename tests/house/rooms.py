"""The rooms of the house, and which file imports which."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# From the ground up. Rooms of one floor stand side by side: neither imports the other.
FLOORS = (
    ("storage",),
    ("isolation", "record"),
    ("stages",),
    ("daemon", "training"),
    ("cli",),
)
ROOMS = tuple(room for floor in FLOORS for room in floor)
# Inside of two rooms, from the ground up; what is not named stands above all of them.
INSIDE = {
    "daemon": ("woken_thread", "home", "publishing", "dispatch", "notices", "intake", "verify"),
    "training": (
        "array_types", "run", "forgery", "datasets", "features", "evaluation", "fitting",
        "publishing", "judging", "steps",
    ),
}  # fmt: skip


def sources(room: str, root: Path = ROOT) -> list[Path]:
    """Every Python file of a room."""
    return sorted((root / room).rglob("*.py"))


@cache
def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every file of the package under its module's name without `ddaemon.`, packages likewise."""
    found = {}
    for room in ROOMS:
        for path in sources(room, root):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, root: Path = ROOT) -> Iterator[str]:
    """The package's modules that a file imports anywhere, within functions and for type checkers
    too: an import that waits for a call is an arrow all the same."""
    package = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            base = ".".join((*above, *filter(None, (node.module or "").split("."))))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ddaemon"):
            base = (node.module or "").removeprefix("ddaemon").strip(".")
        else:
            continue
        for alias in node.names:
            name = f"{base}.{alias.name}" if base else alias.name
            yield name if name in modules(root) else base
