"""One network for many workers: together, apart, and with one among them that talks nonsense."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe

import numpy as np
import pytest

from ddaemon.stages.networks import network_server, shared_backbone
from ddaemon.stages.networks.backbone import Crops, Maps, Vectors
from ddaemon.stages.networks.link import COUNT, Link
from ddaemon.stages.networks.network_server import Batches
from ddaemon.stages.networks.shared_backbone import SharedBackbone
from ddaemon.storage.errors import DetectorError, NetworkLost
from ddaemon.tests.unit.stages.networks.sharing import MOST, SHA256, Shared, shared_with

SIZE = 4


class Mean:
    """A network whose vector is each crop's mean, and which notes how many crops it saw at once."""

    engine = "openvino"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        self.seen.append(len(crops))
        if (crops == 66).all(axis=(1, 2, 3)).any():
            raise MemoryError("the GPU is full")
        vectors = crops.mean(axis=(1, 2), dtype=np.float32)
        return vectors, vectors[:, None, None].astype(np.float16)


def crops(count: int, shade: int) -> Crops:
    return np.full((count, SIZE, SIZE, 3), shade, np.uint8)


def test_crops_that_wait_are_run_together_and_each_job_gets_its_own_back() -> None:
    network = Mean()
    batches = Batches(network)
    futures = [batches.ask(crops(count, count)) for count in (1, 2, 3)]
    assert batches.run_next() == len(futures)
    assert network.seen == [6]
    for count, future in zip((1, 2, 3), futures, strict=True):
        vectors, maps = future.result(0)
        np.testing.assert_array_equal(vectors, np.full((count, 3), count))
        np.testing.assert_array_equal(maps, np.full((count, 1, 1, 3), count))


def test_a_run_is_full_at_some_point_and_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_server, "TOGETHER", 4)
    network = Mean()
    batches = Batches(network)
    for _ in range(5):
        batches.ask(crops(2, 1))
    assert [batches.run_next() for _ in range(3)] == [2, 2, 1]
    assert network.seen == [4, 4, 2]


def test_many_workers_at_once_get_what_each_would_get_alone() -> None:
    shared = shared_with(Mean(), SIZE)
    workers = 6

    def work(shade: int) -> None:
        backbone = shared.link()
        for count in range(1, MOST + 1):
            vectors, _ = backbone.run(crops(count, shade))
            np.testing.assert_array_equal(vectors, np.full((count, 3), shade))

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(work, range(workers)))
    assert sum(shared.jobs) == workers * MOST


def test_a_fault_of_the_network_is_told_and_the_next_crops_are_run() -> None:
    backbone = shared_with(Mean(), SIZE).link()
    with pytest.raises(NetworkLost, match="MemoryError: the GPU is full"):
        backbone.run(crops(1, 66))
    np.testing.assert_array_equal(backbone.run(crops(1, 7))[0], [[7, 7, 7]])


@pytest.mark.parametrize(
    "say",
    [
        lambda link: link.writer.send_bytes(b""),
        lambda link: link.writer.send_bytes(b"no"),
        lambda link: link.writer.send_bytes(COUNT.pack(0)),
        lambda link: link.writer.send_bytes(COUNT.pack(2) + crops(1, 1).tobytes()),
        lambda link: link.writer.send_bytes(COUNT.pack(2**32 - 1) + crops(1, 1).tobytes()),
        lambda link: link.writer.send_bytes(COUNT.pack(1) + crops(1, 1).tobytes()[1:]),
        lambda link: link.writer.send_bytes(COUNT.pack(9) + crops(MOST + 1, 1).tobytes()),
    ],
    ids=["nothing", "no number", "none", "too few", "too many", "half a crop", "a crowd"],
)
def test_who_says_what_no_worker_says_is_left_and_others_are_served(
    say: Callable[[Link], None],
) -> None:
    shared = shared_with(Mean(), SIZE)
    liar, worker = shared.ends(), shared.link()
    liar.reader.recv_bytes()
    say(liar)
    with pytest.raises(EOFError):
        liar.reader.recv_bytes()
    np.testing.assert_array_equal(worker.run(crops(2, 5))[0], np.full((2, 3), 5))


def test_the_network_of_another_detector_is_refused() -> None:
    with pytest.raises(DetectorError, match="another detector"):
        SharedBackbone(shared_with(Mean(), SIZE).ends(), "6" * 64)


def test_a_worker_learns_the_engine_that_runs_elsewhere() -> None:
    assert Shared(Mean(), SIZE, engine="tensorflow").link().engine == "tensorflow"


def test_a_network_that_is_gone_is_lost_before_and_after_its_greeting() -> None:
    asked, ask = Pipe(duplex=False)
    hear, answers = Pipe(duplex=False)
    answers.send_bytes(f"{SHA256} openvino".encode())
    backbone = SharedBackbone(Link(ask, hear), SHA256)
    asked.close()
    answers.close()
    with pytest.raises(NetworkLost, match="gone"):
        backbone.run(crops(1, 1))
    with pytest.raises(NetworkLost, match="gone"):
        SharedBackbone(Link(ask, hear), SHA256)


def test_a_network_that_does_not_answer_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_backbone, "PATIENCE_S", 0.05)
    backbone = Shared(Mean(), SIZE).link()  # nothing runs what it asks for
    with pytest.raises(NetworkLost, match=r"no answer.*features\.shared"):
        backbone.run(crops(1, 1))
