"""No function is a list of unnamed steps, no class several in one, no name two things."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ddaemon.tests.house.rooms import ROOMS, sources

LONGEST_FUNCTION, LARGEST_CLASS = 50, 200
# The one file that changes a job's state (storage/queue.py).
LARGE_ON_PURPOSE = {"Queue"}
# A migration imports no table, so each has the column type for itself.
TYPES_WITH_TWO_HOMES = {"Long"}


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def public_types(path: Path) -> Iterator[str]:
    """Classes of a file, and aliases of types, which are written like classes."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            named = [target.id for target in node.targets if isinstance(target, ast.Name)]
            # Constants are all capitals, variables of types a single one.
            names = [name for name in named if name[0].isupper() and not name.isupper()]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_function_is_a_list_of_steps_that_nobody_named() -> None:
    for room in ROOMS:
        for path in sources(room):
            for node in definitions(path):
                if not isinstance(node, ast.ClassDef):
                    assert lines_of(node) <= LONGEST_FUNCTION, f"{path}: {node.name}"


def test_no_class_is_several_in_one() -> None:
    for room in ROOMS:
        for path in sources(room):
            for node in definitions(path):
                if isinstance(node, ast.ClassDef) and node.name not in LARGE_ON_PURPOSE:
                    assert lines_of(node) <= LARGEST_CLASS, f"{path}: {node.name}"


def test_a_public_type_has_one_home() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        for path in sources(room):
            for name in public_types(path):
                homes[name].append(str(path))
    double = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert double.keys() == TYPES_WITH_TWO_HOMES, double


def test_a_file_name_has_one_meaning() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        if room != "cli":  # where a file is called like its command, whatever that is about
            for path in sources(room):
                homes[path.name].append(str(path))
    double = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert double.keys() == {"__init__.py"}, double
