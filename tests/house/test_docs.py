"""The docs name everything that there is, and every link in them leads somewhere."""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from ddaemon.cli.main import COMMANDS, cli
from ddaemon.cli.reference import pages
from ddaemon.daemon.home.config import every_setting
from ddaemon.record.json_schema import schema_text
from ddaemon.stages.settings import BUILT_IN_CHAIN

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FIRST_PAGE_BYTES = 9_000
PROSE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *DOCS.rglob("*.md"), *(ROOT / "bench").glob("*.md"), ROOT / "README.md",
        ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md",
    )
)  # fmt: skip


def page(name: str) -> str:
    return (DOCS / name).read_text()


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert found, heading
    return found[1]


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Each command and subcommand that a person can call, under its whole name."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield f"ddaemon {name}", command
        for part, below in getattr(command, "commands", {}).items():
            # A hidden one is what the group does by itself: its options are the group's.
            yield f"ddaemon {name}" if below.hidden else f"ddaemon {name} {part}", below


@pytest.mark.parametrize("name", ["settings.md", "commands.md"])
def test_a_generated_page_is_what_the_code_gives(name: str) -> None:
    assert page(name) == pages()[name], "run `make docs`"


@pytest.mark.parametrize("width", ["20", "300"])
def test_a_generated_page_does_not_depend_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    before = pages()
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("DDAEMON_HOME", "/elsewhere")
    assert pages() == before


@pytest.mark.parametrize(("name", "command"), [*every_command()])
def test_the_docs_name_every_command_and_option(name: str, command: click.Command) -> None:
    text = section(page("commands.md"), f"`{name}`")
    for option in command.params:
        if isinstance(option, click.Option):
            assert re.search(rf"`{option.opts[0]}\b", text), option.opts[0]


@pytest.mark.parametrize(("name", "default"), [(n, d) for n, d, _ in every_setting()])
def test_the_docs_name_every_setting_with_its_default(name: str, default: str) -> None:
    assert f"| `{name}` | `{default}` |" in page("settings.md")


@pytest.mark.parametrize("name", BUILT_IN_CHAIN)
def test_the_docs_explain_every_stage(name: str) -> None:
    assert f". **{name}** " in page("stages.md")


@pytest.mark.parametrize(("name", "command"), [*every_command()])
def test_every_command_and_option_has_help(name: str, command: click.Command) -> None:
    assert command.help
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{name} {option.name}"


def test_the_docs_say_why_each_dependency_and_extra_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = page("dependencies.md")
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=!~\[; ]", requirement)[0]
        assert re.search(rf"^\| `{re.escape(name)}` \| \S", text, re.M), name
    for extra in project["optional-dependencies"]:
        assert extra == "dev" or f"| `ddaemon[{extra}]` | " in text, extra


def test_the_first_page_can_be_read_at_once() -> None:
    assert (ROOT / "README.md").stat().st_size <= FIRST_PAGE_BYTES


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.iterdir()))
def test_every_page_is_in_the_index(name: str) -> None:
    assert name in {"README.md", "heatmap.jpg", "report.png"} or f"({name})" in page("README.md")


@cache
def anchors(path: Path) -> frozenset[str]:
    """What a `#` can lead to in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text()), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in kept)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def links(name: str) -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code((ROOT / name).read_text()))
    return [target for target in targets if not re.match(r"https?:|mailto:", target)]


@pytest.mark.parametrize("name", PROSE)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in links(name):
        file, _, anchor = target.partition("#")
        path = ((ROOT / name).parent / file).resolve() if file else ROOT / name
        assert path.is_relative_to(ROOT), target
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def test_the_pages_do_link_each_other() -> None:
    assert len([link for name in PROSE for link in links(name) if "#" in link]) > 10


def test_the_schema_of_the_verdict_is_the_one_of_the_types() -> None:
    written = (ROOT / "docs" / "verdict.schema.json").read_text()
    assert written == schema_text(), "the types have changed: run `make schema`"


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "NOTICE", "stages/data/README.md"],
)
def test_the_usual_files_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200


def test_the_model_card_names_the_very_weights_that_are_shipped() -> None:
    weights = ROOT / "storage" / "detectors" / "lite0-sequence" / "weights.npz"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in page("detector.md")
    assert weights.stat().st_size <= 15_000_000
