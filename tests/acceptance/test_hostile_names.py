"""What others call their files, and write into them, is shown and never obeyed: through the real
service and every command that tells of it."""

import csv
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddaemon.storage.content import file_name
from ddaemon.storage.text import printable
from ddaemon.tests.acceptance.conftest import SETTINGS, Ddaemon
from ddaemon.tests.hostile import NAMES, hostile_files, hostile_recordings

RECORDINGS = 5
TELL = """#!/usr/bin/env python3
import json, os, sys
own = {k: v for k, v in os.environ.items() if k.startswith("DDAEMON_")}
with open(sys.argv[1], "a", encoding="utf-8") as told:
    told.write(json.dumps([sys.argv[2:], own, json.load(sys.stdin)]) + "\\n")
"""
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ |    "
)  # a message, or what follows


def requires_harmless(raw: bytes, where: str) -> str:
    """The text, which holds nothing that a terminal or a reader's eye could fall for."""
    text = raw.decode("utf-8")
    lines = text.replace("\r\n", "\n").split("\n")  # CSV has them by its definition
    assert [line for line in lines if printable(line) != line] == [], where
    return text


def settings(home: Path, told: Path, more: str = "") -> str:
    tell = home.parent / "tell"
    tell.write_text(TELL)
    command = json.dumps([sys.executable, str(tell), str(told), "an argument"])
    quick = SETTINGS.replace("patience = 4", "patience = 0")
    return f'{quick}{more}[log]\nlevel = "debug"\n[notify]\ncommand = {command}\n'


class Manager:
    """What systemd is to a service: a socket that gets its notifications."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self.got: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while message := self._socket.recv(65536):
            self.got.append(message)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ddaemon, Path]]:
    """A home whose service has judged all of it, and moved the originals; what was told of it."""
    folder = tmp_path_factory.mktemp("names")
    ddaemon, told = Ddaemon(folder / "home"), folder / "told"
    ddaemon.call_here("init")
    ddaemon.configure(settings(ddaemon.home, told, '[outbox]\noriginal = "move"\n'))
    assert len(list(hostile_files(ddaemon.inbox))) == len(NAMES)
    assert len(list(hostile_recordings(ddaemon.inbox))) == RECORDINGS
    ddaemon.start("--drain")
    assert ddaemon.wait() == 0, ddaemon.log.read_text(errors="replace")
    yield ddaemon, told


def output(ddaemon: Ddaemon, *words: str | bytes) -> bytes:
    """What a command says, on both of its streams."""
    done = subprocess.run(
        [sys.executable, "-m", "ddaemon.cli", "--home", str(ddaemon.home), *words],
        capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return done.stdout + done.stderr


def test_every_name_has_a_verdict_of_its_own_under_the_name_it_came_with(served) -> None:
    ddaemon, _told = served
    verdicts = ddaemon.verdicts()
    names = sorted(verdict["input"]["name"] for verdict in verdicts)
    came = [file_name(Path(os.fsdecode(name))) for name in NAMES.values()]
    recordings = [f"tags{suffix}" for suffix in (".mp4", ".mov", ".mkv", ".avi", ".webm")]
    assert names == sorted([*came, *recordings])
    assert len({verdict["job"] for verdict in verdicts}) == len(names)
    assert list(ddaemon.inbox.iterdir()) == []
    assert list(ddaemon.quarantine.iterdir()) == []
    assert not list(ddaemon.home.parent.rglob("owned"))


def test_no_folder_of_the_outbox_is_hidden_an_option_or_more_than_letters(served) -> None:
    ddaemon, _told = served
    folders = [path.name for path in ddaemon.outbox.iterdir()]
    for folder in folders:
        name = requires_harmless(os.fsencode(folder), "outbox")
        assert name[0] not in "-.~ "
        assert not set(name) & set("/\\\"'`$;|&<>*?:%{}[]=#!\n")
        assert len(os.fsencode(folder)) < 100
    assert len({name.casefold() for name in folders}) == len(folders)


def test_no_command_shows_what_a_terminal_would_obey(served, tmp_path: Path) -> None:
    ddaemon, _told = served
    commands: list[tuple[str, ...]] = [
        ("status",),
        ("status", "--json"),
        ("jobs", "list", "--limit", "100"),
        ("jobs", "list", "--json"),
        ("audit", "export"),
        ("audit", "export", "--jsonl"),
        ("audit", "verify"),
        ("export", "--csv"),
        ("export", "--jsonl"),
        ("notify", "list"),
        ("notify", "list", "--json"),
    ]
    for words in commands:
        text = requires_harmless(output(ddaemon, *words), " ".join(words))
        assert text
    table = output(ddaemon, "jobs", "list", "--limit", "100").decode().splitlines()
    assert len(table) == len(NAMES) + RECORDINGS, "one line a job"
    for name in ("newline", "escape", "no UTF-8", "shellshock"):
        job = next(j for j in ddaemon.verdicts() if j["input"]["name"] == shown_name(name))["job"]
        for words in (("status", job), ("review", job), ("status", "--json", job)):
            requires_harmless(output(ddaemon, *words), " ".join(words))
        page = tmp_path / f"{job}.html"
        requires_harmless(output(ddaemon, "report", job, "--out", str(page)), "report")
        requires_harmless(page.read_bytes(), "report's page")


def shown_name(key: str) -> str:
    return file_name(Path(os.fsdecode(NAMES[key])))


def test_every_file_of_every_verdict_is_harmless_text_and_holds_when_verified(served) -> None:
    ddaemon, _told = served
    for folder in ddaemon.outbox.iterdir():
        for name in ("verdict.json", "report.html"):
            requires_harmless((folder / name).read_bytes(), f"{folder.name}/{name}")
        assert b"<script" not in (folder / "report.html").read_bytes()
    folders = sorted(ddaemon.outbox.iterdir())
    for folder in [folders[0], *(f for f in folders if f.name.startswith(("a_", "video", "tags")))]:
        said = output(ddaemon, "verify", "--no-rerun", str(folder))
        assert requires_harmless(said, folder.name).endswith("all of it is right\n"), folder


def test_no_cell_of_the_table_is_a_formula_whatever_parts_its_cells(served) -> None:
    ddaemon, _told = served
    text = output(ddaemon, "export", "--csv").decode()
    for delimiter in ",;":
        for row in csv.reader(text.splitlines(), delimiter=delimiter):
            for cell in row:
                assert cell.lstrip("\"' ")[:1] not in set("=+-@＝＋－＠") or cell[0] == "'", cell
    names = {json.loads(line)["name"] for line in output(ddaemon, "export", "--jsonl").splitlines()}
    assert shown_name("newline") in names, "JSON has it as it came"


def test_the_log_has_one_line_a_message(served) -> None:
    ddaemon, _told = served
    text = requires_harmless(ddaemon.log.read_bytes(), "log")
    assert [line for line in text.splitlines() if not LINE.match(line)] == []


def test_what_is_told_is_exact_in_json_and_printable_in_the_environment(served) -> None:
    ddaemon, told = served
    notices = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    assert len(notices) == len(NAMES) + RECORDINGS
    assert {json.dumps(words) for words, _own, _given in notices} == {'["an argument"]'}
    for _words, own, given in notices:
        assert own["DDAEMON_NAME"] == printable(given["name"])
        assert all(printable(value) == value for value in own.values())
        assert Path(own["DDAEMON_RECORD"]).parent.parent == ddaemon.outbox
    assert shown_name("no UTF-8") in {given["name"] for _words, _own, given in notices}


def test_a_video_that_changes_is_quarantined_whatever_bytes_its_name_is_made_of(
    ddaemon: Ddaemon, tmp_path: Path
) -> None:
    """The reason quotes the name: that once ended the service, again at every start."""
    told, manager = tmp_path / "told", Manager(tmp_path / "socket")
    lines = settings(ddaemon.home, told).replace("backoff = 0.2", "backoff = 0\nmax_attempts = 1")
    ddaemon.configure(lines)
    (tmp_path / "videos").mkdir()
    videos = list(hostile_files(tmp_path / "videos"))
    said = output(ddaemon, "submit", "--", *map(os.fsencode, videos))
    assert len(requires_harmless(said, "submit").splitlines()) == len(NAMES)
    for path in ddaemon.inbox.iterdir():
        path.unlink()
    ddaemon.start("--drain", NOTIFY_SOCKET=manager.address)
    assert ddaemon.wait() == 0, ddaemon.log.read_text(errors="replace")
    manager.close()
    text = requires_harmless(ddaemon.log.read_bytes(), "log")
    assert [line for line in text.splitlines() if not LINE.match(line)] == []
    assert ddaemon.status()["counts"]["quarantined"] == len(NAMES)
    for folder in ddaemon.quarantine.iterdir():
        requires_harmless(os.fsencode(folder.name), "quarantine")
        reason = requires_harmless((folder / "reason.json").read_bytes(), "reason.json")
        assert "is gone from the inbox" in json.loads(reason)["last_error"]
    assert manager.got.count(b"READY=1") == 1
    assert all(re.fullmatch(rb"STATUS=[^\n]+|[A-Z]+=1", message) for message in manager.got)
    for line in told.read_text(encoding="utf-8").splitlines():
        assert printable(json.loads(line)[1]["DDAEMON_REASON"]) == json.loads(line)[2]["reason"]


def test_check_shows_names_as_the_service_does(ddaemon: Ddaemon, tmp_path: Path) -> None:
    videos = list(hostile_files(tmp_path))[:20]
    said = output(ddaemon, "check", "--out", str(tmp_path / "out"), *map(os.fsencode, videos))
    text = requires_harmless(said, "check")
    for path in videos:
        assert f"{printable(file_name(path))}: could not be examined" in text
    records = (tmp_path / "out").glob("*/verdict.json")
    names = {json.loads(path.read_bytes())["input"]["name"] for path in records}
    assert names == {file_name(path) for path in videos}


@pytest.mark.parametrize(
    "words",
    [
        ("check", b"\xff\x1b[31m\x1b]0;x\x07.mp4"),
        ("check", b"--\x1b]0;x\x07.mp4"),
        ("status", b"\xff\x1b]0;x\x07"),
        ("jobs", "retry", b"\xff"),
        ("review", b"\xff"),
        ("detectors", "show", b"\xff\x1b]0;x\x07"),
        ("verify", b"\xff\x1b]0;x\x07\n"),
        ("audit", "verify", "--head", b"\xff\x1b]0;x\x07\n"),
        ("export", "--csv", "--since", b"\xff\x1b]0;x\x07"),
        ("--home", b"/tmp/\x1b]0;x\x07\n<0>a", "status"),
    ],
)
def test_an_argument_of_any_bytes_is_refused_in_words(ddaemon: Ddaemon, words) -> None:
    requires_harmless(output(ddaemon, *words), str(words))
