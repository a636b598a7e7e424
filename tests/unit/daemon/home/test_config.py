"""Settings: every fault at once, and a file that says all there is."""

from pathlib import Path

import pytest

from ddaemon.daemon.home.config import (
    Config,
    default_file,
    every_setting,
    read_config,
    read_config_if_any,
)
from ddaemon.daemon.home.database_url import database_url
from ddaemon.daemon.home.home import Home
from ddaemon.stages.settings import StageSettings
from ddaemon.storage.errors import ConfigError
from ddaemon.storage.job_reader import JobReader


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ddaemon.toml"


def test_the_file_that_init_writes_means_the_defaults(file: Path) -> None:
    file.write_text(default_file())
    assert read_config(file) == Config()


def test_every_line_of_that_file_is_a_valid_setting(file: Path) -> None:
    lines = default_file().replace("# [plugins.NAME]", "# # [plugins.NAME]").splitlines()
    taken = [line[2:] if line.startswith("# ") and " = " in line else line for line in lines]
    file.write_text("\n".join(taken))
    assert read_config(file) == Config()


def test_all_faults_are_listed_at_once(file: Path) -> None:
    file.write_text('[inbox]\nsettle = -1\nsetle = 3\n[frames]\ncount = "x"\n[nope]\n')
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    text = str(caught.value)
    for fault in ("inbox.settle", "inbox.setle: there is no such setting", "frames.count", "nope"):
        assert fault in text


def test_looks_that_no_stage_would_take_are_a_fault(file: Path) -> None:
    chain = '["frames", "faces", "features", "classify", "report"]'
    file.write_text(f'stages = {chain}\n[stability]\nlooks = ["halved"]\n')
    with pytest.raises(ConfigError, match="stages does not list stability"):
        read_config(file)
    file.write_text('[stability]\nlooks = ["halved", "nope"]\n')
    with pytest.raises(ConfigError, match=r"stability\.looks\.1"):
        read_config(file)


@pytest.mark.parametrize("text", ["[inbox", "settle = = 3", "\xff"])
def test_a_file_that_is_not_toml_is_said_to_be_so(file: Path, text: str) -> None:
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="is not TOML"):
        read_config(file)


def test_the_environment_wins_over_the_file(file: Path, monkeypatch) -> None:
    file.write_text("[inbox]\nsettle = 3\n")
    monkeypatch.setenv("DDAEMON_INBOX__SETTLE", "7")
    monkeypatch.setenv("DDAEMON_HOME", "/somewhere")
    assert read_config(file).inbox.settle == 7


def test_a_fault_of_the_environment_is_told_without_a_file_too(file: Path, monkeypatch) -> None:
    assert read_config_if_any(file) == Config()
    monkeypatch.setenv("DDAEMON_INBOX__SETTLE", "soon")
    with pytest.raises(ConfigError, match=r"the environment has 1 fault\(s\):\n  inbox.settle"):
        read_config_if_any(file)


def test_every_setting_says_what_it_means() -> None:
    assert all(meaning for _, _, meaning in every_setting())


def test_the_stages_get_their_own_part(file: Path) -> None:
    file.write_text("[frames]\ncount = 8\n[plugins.third_party]\nx = 1\n")
    settings = read_config(file).for_stages()
    assert isinstance(settings, StageSettings)
    assert settings.frames.count == 8
    assert settings.plugins == {"third_party": {"x": 1}}


@pytest.mark.parametrize(
    "url",
    ["mysql://me:hush@host/x", "hush", "sqlite:///hush.db", "postgresql://me:hush@host/x",
     "postgresql+psycopg://me:hush@[host/x"],
)  # fmt: skip
def test_a_database_url_that_is_none_is_a_fault_and_is_not_shown(file: Path, url: str) -> None:
    file.write_text(f'[database]\nurl = "{url}"\n')
    with pytest.raises(ConfigError, match=r"database\.url") as caught:
        read_config(file)
    with pytest.raises(ConfigError, match=r"database\.url") as refused:
        _ = Home(file.parent).database
    assert "hush" not in f"{caught.value}{refused.value}"


def test_a_table_of_secrets_that_is_no_table_is_not_shown(file: Path) -> None:
    file.write_text('database = "hush"\n')
    with pytest.raises(ConfigError, match="database") as caught:
        read_config(file)
    assert "hush" not in str(caught.value)


def test_every_way_of_setting_it_names_the_same_database(file: Path, monkeypatch) -> None:
    home = Home(file.parent)
    assert home.database == file.parent / "state.db"
    file.write_text('[database]\nurl = "sqlite:////var/lib/a%20b.db"\n')
    assert home.database == Path("/var/lib/a b.db")
    monkeypatch.setenv("DDAEMON_DATABASE__URL", "postgresql+psycopg://me:hush@host:5/name")
    assert str(home.database) == "PostgreSQL database name on host:5"
    assert "hush" not in repr(home.database)
    monkeypatch.delenv("DDAEMON_DATABASE__URL")
    monkeypatch.setenv("DDAEMON_DATABASE", '{"url": "sqlite:////b"}')
    assert home.database == Path("/b")
    assert read_config(file).database.url == "sqlite:////b"


@pytest.mark.parametrize(
    "environment",
    [
        {"DDAEMON_DATABASE": "{}"},
        {"DDAEMON_DATABASE": "null"},
        {"DDAEMON_DATABASE": '{"URL": "sqlite:////b"}'},
        {"ddaemon_database": '{"url": "sqlite:////b"}'},
        {"DDAEMON_DATABASE": '{"url": "sqlite:////b"}', "DDAEMON_DATABASE__URL": "sqlite:////c"},
    ],
)
def test_the_database_is_found_alone_as_with_all_the_settings(
    file: Path, monkeypatch, environment: dict[str, str]
) -> None:
    file.write_text('[database]\nurl = "sqlite:////a"\n')
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert database_url(file) == read_config(file).database.url


@pytest.mark.parametrize("table", ["hush", "", "[1]", '{"urk": "x"}', '{"url": 5}'])
def test_a_table_in_the_environment_that_is_none_is_a_fault_of_one_line(
    file: Path, monkeypatch, table: str
) -> None:
    file.write_text("")
    monkeypatch.setenv("DDAEMON_DATABASE", table)
    for read in (database_url, read_config):
        with pytest.raises(ConfigError, match=r"(?i)database") as caught:
            read(file)
        assert "hush" not in str(caught.value)


def test_a_password_that_is_not_written_as_a_url_wants_it_is_not_shown(file: Path) -> None:
    file.write_text('[database]\nurl = "postgresql+psycopg://me:hu%zzsh@host/name"\n')
    with pytest.raises(ConfigError, match="in a password write") as caught:
        JobReader(Home(file.parent).database)
    assert "hu" not in str(caught.value)
