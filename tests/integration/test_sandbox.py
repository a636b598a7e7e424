"""A worker that was taken over gets nowhere, and the same attempts work without its rules."""

import os
import pickle
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import landlockpy
import pytest

from ddaemon.isolation.process import WorkerProcess
from ddaemon.isolation.replies import WorkerRaised
from ddaemon.isolation.sandbox.confinement import Confinement
from ddaemon.isolation.sandbox.files import SIGNALS_ABI
from ddaemon.isolation.sandbox.resources import ROOM_BYTES
from ddaemon.isolation.sandbox.system_paths import libraries
from ddaemon.tests.integration import escapes
from ddaemon.tests.integration.escapes import ESCAPES, Scene

pytestmark = pytest.mark.skipif(
    landlockpy.abi_version() < SIGNALS_ABI, reason="this kernel has no Landlock 6 (Linux 6.12)"
)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "inbox", home / "outbox", home / "work", elsewhere):
        folder.mkdir(parents=True)
    for file in ("state.db", "ddaemon.toml", "inbox/video.mp4"):
        (home / file).write_text("secret")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        ports = (tcp.getsockname()[1], udp.getsockname()[1])
        yield Scene(str(home), str(elsewhere), *ports, bystander.pid)
    bystander.kill()
    bystander.wait()


def confinement_of(scene: Scene) -> Confinement:
    home = Path(scene.home)
    return Confinement(read=(home / "inbox",), write=(home / "work",), private=(home,))


@pytest.fixture
def shut_in(scene: Scene) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(100, confinement_of(scene))
    yield worker
    worker.stop()


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: escape.__name__)
def test_a_worker_that_is_shut_in_gets_nowhere(
    shut_in: WorkerProcess, scene: Scene, escape: Callable[[Scene], None]
) -> None:
    with pytest.raises(PermissionError):
        shut_in.submit(escape, scene).result(60)


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda escape: escape.__name__)
def test_the_same_works_without_the_walls(scene: Scene, escape: Callable[[Scene], None]) -> None:
    worker = WorkerProcess(100, replace(confinement_of(scene), mode="off"))
    try:
        worker.submit(escape, scene).result(60)
    finally:
        worker.stop()


def test_what_a_stage_has_to_do_works_inside(shut_in: WorkerProcess, scene: Scene) -> None:
    assert shut_in.submit(escapes.reads_and_works, scene).result(60) == len("secret")
    assert shut_in.missing() == ()


def test_an_answer_that_would_run_code_is_not_read(
    shut_in: WorkerProcess, scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "made by a pickle"
    with pytest.raises(BrokenProcessPool, match="can't be read"):
        shut_in.submit(escapes.answers_with_a_forged_pickle, str(file)).result(60)
    assert not file.exists()
    pickle.loads(pickle.dumps(escapes.Forged(str(file)))).close()
    assert file.exists(), "a pickle like that does run code where it is read as usual"


def test_a_worker_that_says_nonsense_is_ended(shut_in: WorkerProcess) -> None:
    with pytest.raises(BrokenProcessPool):
        shut_in.submit(escapes.says_what_no_worker_says).result(60)
    assert shut_in.submit(os.getpid).result(60) > 0


def test_a_worker_without_walls_that_left_a_child_is_known_to_be_dead(scene: Scene) -> None:
    worker = WorkerProcess(100, replace(confinement_of(scene), mode="off"))
    try:
        with pytest.raises(BrokenProcessPool, match="SIGABRT"):
            worker.submit(escapes.leaves_a_child_and_dies).result(25)
    finally:
        worker.stop()


def test_a_result_of_an_unknown_class_is_refused_in_words(shut_in: WorkerProcess) -> None:
    with pytest.raises(WorkerRaised, match="may not answer with pathlib"):
        shut_in.submit(Path, "x").result(60)


def test_a_process_keeps_no_core_and_few_descriptors(shut_in: WorkerProcess) -> None:
    assert shut_in.submit(escapes.most_of, resource.RLIMIT_CORE).result(60) == 0
    assert shut_in.submit(escapes.most_of, resource.RLIMIT_NOFILE).result(60) <= 1024


def test_a_file_beyond_the_limit_is_refused(shut_in: WorkerProcess, scene: Scene) -> None:
    with pytest.raises(OSError, match="too large"):
        shut_in.submit(escapes.fills_a_file, scene).result(60)


def test_memory_beyond_the_limit_is_refused(scene: Scene) -> None:
    limit = 300_000_000
    worker = WorkerProcess(100, replace(confinement_of(scene), memory_bytes=limit))
    try:
        assert worker.submit(escapes.takes_memory, limit).result(60) == limit
        with pytest.raises(MemoryError):
            worker.submit(escapes.takes_memory, limit + ROOM_BYTES).result(60)
    finally:
        worker.stop()


def test_processor_time_is_limited_for_each_call_anew(scene: Scene) -> None:
    worker = WorkerProcess(100, replace(confinement_of(scene), cpu_seconds=1.0))
    try:
        pid = worker.submit(os.getpid).result(60)
        with pytest.raises(BrokenProcessPool, match="SIGXCPU"):
            worker.submit(escapes.burns).result(60)
        assert worker.submit(os.getpid).result(60) != pid
    finally:
        worker.stop()


def test_a_folder_that_was_mounted_anew_gets_a_new_process(
    shut_in: WorkerProcess, scene: Scene
) -> None:
    before = shut_in.submit(os.getpid).result(60)
    inbox = Path(scene.home, "inbox")
    inbox.rename(inbox.with_name("unmounted"))
    inbox.mkdir()
    (inbox / "video.mp4").write_text("another")
    assert shut_in.submit(escapes.reads_and_works, scene).result(60) == len("another")
    assert shut_in.submit(os.getpid).result(60) != before


def test_no_import_path_opens_what_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "plugins").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))  # as `python -m` does with the working folder
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    opened = set(libraries([tmp_path / "home"]))
    assert tmp_path / "plugins" in opened
    assert tmp_path not in opened
    assert tmp_path in set(libraries([]))
