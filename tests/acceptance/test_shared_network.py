"""The real service with one network for all of its workers."""

import os
import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest

from ddaemon.tests.clips import unlike
from ddaemon.tests.service import SETTINGS, Ddaemon

CLIPS = Path(__file__).parents[2] / "stages" / "data"
SHIPPED = [CLIPS / name for name in ("demo-real.mp4", "demo-forged.mp4")]
SHARING = SETTINGS + '[features]\nshared = "always"\n[workers]\ncount = 2\n'
NOWHERE = SHARING.replace("[features]", '[features]\ndevice = "gpu"')
VIDEOS = 6


def networks_of(ddaemon: Ddaemon) -> list[psutil.Process]:
    """The service's children that hold the network: those with a socket."""
    assert ddaemon.service is not None
    children = psutil.Process(ddaemon.service.pid).children()
    return [child for child in children if has_socket(child)]


def has_socket(process: psutil.Process) -> bool:
    try:
        opened = [str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
    except FileNotFoundError:  # it has just ended
        return False
    return any("socket:" in name for name in opened)


def test_verdicts_are_those_of_workers_with_a_network_each(ddaemon: Ddaemon) -> None:
    found: dict[str, dict[str, tuple[str, float]]] = {}
    for salt, (name, settings) in enumerate((("own", SETTINGS), ("shared", SHARING))):
        ddaemon.configure(settings)
        for clip in SHIPPED:
            unlike(clip, ddaemon.inbox / f"{name}-{clip.name}", salt)
        ddaemon.start("--drain")
        assert ddaemon.wait() == 0, ddaemon.log.read_text()
    for verdict in ddaemon.verdicts():
        kind, _, clip = verdict["input"]["name"].partition("-")
        found.setdefault(clip, {})[kind] = verdict["decision"], verdict["probability"]
    assert len(found) == len(SHIPPED)
    for of_clip in found.values():
        assert of_clip["own"][0] == of_clip["shared"][0]
        assert of_clip["own"][1] == pytest.approx(of_clip["shared"][1], abs=1e-5)


def test_a_network_that_dies_costs_no_job_an_attempt(ddaemon: Ddaemon) -> None:
    ddaemon.configure(SHARING)
    for number in range(VIDEOS):
        unlike(SHIPPED[0], ddaemon.inbox / f"{number}.mp4", number)
    ddaemon.start()
    ddaemon.until(lambda: ddaemon.status()["counts"]["done"], "a first verdict")
    (network,) = networks_of(ddaemon)
    os.kill(network.pid, signal.SIGKILL)
    verdicts = ddaemon.ended(VIDEOS)
    assert [verdict["attempts"] for verdict in verdicts] == [1] * VIDEOS
    (successor,) = networks_of(ddaemon)
    assert successor.pid != network.pid
    assert ddaemon.stop() == 0
    assert not successor.is_running()


def test_while_no_network_loads_status_says_why_and_the_job_waits(ddaemon: Ddaemon) -> None:
    def reload(settings: str) -> None:
        assert ddaemon.service is not None
        ddaemon.configure(settings)
        ddaemon.service.send_signal(signal.SIGHUP)

    def says_why() -> bool:
        return any("features.device" in fault for fault in ddaemon.status()["service"]["trouble"])

    ddaemon.configure(SHARING)
    ddaemon.start()
    ddaemon.until(lambda: "ready" in ddaemon.log.read_text(), "a service that is ready")
    reload(NOWHERE)
    unlike(SHIPPED[0], ddaemon.inbox / "a.mp4", 1)
    ddaemon.until(says_why, "the reason")
    ddaemon.until(lambda: networks_of(ddaemon), "another try")
    ddaemon.until(lambda: not networks_of(ddaemon), "its end")
    time.sleep(3)  # for the service to take it in, and to say so
    assert says_why()
    reload(SHARING)
    (verdict,) = ddaemon.ended(1)
    assert verdict["attempts"] == 1


def test_a_gpu_that_is_not_there_is_one_line_at_the_start(ddaemon: Ddaemon) -> None:
    ddaemon.configure(NOWHERE)
    shutil.copy(SHIPPED[0], ddaemon.inbox)
    ddaemon.start("--drain")
    assert ddaemon.wait() == 1
    log = ddaemon.log.read_text()
    assert 'features.device is "gpu", but TensorFlow finds none' in log
    assert "Traceback" not in log
