"""Runs one detector's backbone for many workers, over what all of them ask for.

A GPU is fast over many faces at once, and one job has few; TensorFlow takes seconds to start and
gigabytes to hold. So one process holds the network. While it runs one batch, the crops of other
jobs arrive and make up the next: the larger the crowd, the larger the batches. Workers decode and
find faces on the CPU meanwhile.
"""

import logging
import socket
import struct
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from queue import SimpleQueue

import numpy as np

from ...isolation import inherited
from ...storage.registry import DetectorFolder
from ..settings import FeaturesSettings
from .backbone import Backbone, Crops, Maps, Vectors
from .detector import load_detector
from .link import COUNT, DONE, FAILED, SHAPE, Link

logger = logging.getLogger(__name__)

TOGETHER = 128  # crops of all jobs in one run of the network
MAX_TOLD = 1000  # bytes of a fault
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class CropRequest:
    """One worker's crops, and where their vectors and maps are put."""

    crops: Crops
    answer: "Future[tuple[Vectors, Maps]]" = field(default_factory=Future)


class Batches:
    """Runs what waits, together, in the thread that calls `run_next`."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._waiting: SimpleQueue[CropRequest] = SimpleQueue()

    def ask(self, crops: Crops) -> "Future[tuple[Vectors, Maps]]":
        """From any thread: crops (n, size, size, 3) to be run with those of others."""
        asked = CropRequest(crops)
        self._waiting.put(asked)
        return asked.answer

    def run_next(self) -> int:
        """Wait for crops, and run all that wait then, up to `TOGETHER`. Gives how many jobs'."""
        batch = [self._waiting.get()]
        while not self._waiting.empty() and sum(len(asked.crops) for asked in batch) < TOGETHER:
            batch.append(self._waiting.get())
        try:
            vectors, maps = self._backbone.run(np.concatenate([asked.crops for asked in batch]))
        # Whatever the network says is for those who asked: it must not end the others' process.
        except Exception as error:
            logger.exception("the network failed over the crops of %d jobs", len(batch))
            for asked in batch:
                asked.answer.set_exception(error)
            return len(batch)
        ends = np.cumsum([len(asked.crops) for asked in batch])[:-1]
        parts = zip(batch, np.split(vectors, ends), np.split(maps, ends), strict=True)
        for asked, its_vectors, its_maps in parts:
            asked.answer.set_result((its_vectors, its_maps))
        return len(batch)


class Counter:
    """Where workers are answered.

    Args:
        batches: what runs their crops.
        size: pixels of a crop's side.
        most: crops at a time that a worker may send.
        greeting: what a worker is told first.
    """

    def __init__(self, batches: Batches, size: int, most: int, greeting: str) -> None:
        self._batches, self._size, self._greeting = batches, size, greeting.encode()
        self._most_bytes = COUNT.size + most * size * size * CHANNELS

    def serve(self, link: Link) -> None:
        """Answer one worker until it is gone, or says what no worker says."""
        try:
            link.ask.send_bytes(self._greeting)
            while True:
                crops = self._read(link.hear.recv_bytes(self._most_bytes))
                link.ask.send_bytes(_write_answer(self._batches.ask(crops)))
        except (EOFError, OSError, ValueError, struct.error) as error:
            logger.debug("a worker's link has ended: %r", error)
        finally:
            link.close()

    def _read(self, said: bytes) -> Crops:
        """Raises ValueError or `struct.error` when these are not so many crops as it says."""
        (count,) = COUNT.unpack_from(said)
        if not count:
            raise ValueError("no crops")
        pixels = np.frombuffer(said, np.uint8, offset=COUNT.size)
        return pixels.reshape(count, self._size, self._size, CHANNELS)


def serve_network(folder: DetectorFolder, settings: FeaturesSettings) -> None:
    """Load the backbone and run it for whoever is linked; ends with the process.

    Links come, as pairs of file descriptors, over the socket that this process inherited.
    Raises what `load_detector` raises.
    """
    desk = inherited.find(socket.socket)
    if desk is None:
        raise RuntimeError("a process that runs the network for others inherits a socket")
    detector = load_detector(folder, settings)
    batches = Batches(detector.backbone)
    greeting = f"{detector.sha256} {detector.backbone.engine}"
    counter = Counter(batches, detector.record.preprocessing.size, settings.batch, greeting)
    takes = threading.Thread(target=_take_links, args=(desk, counter), daemon=True)
    takes.start()
    while True:
        batches.run_next()


def _take_links(desk: socket.socket, counter: Counter) -> None:
    """One thread a link, until nobody can bring another."""
    while True:
        _, ends, _, _ = socket.recv_fds(desk, 1, 2)
        if not ends:
            return
        asked, answers = ends
        link = Link(Connection(answers, readable=False), Connection(asked, writable=False))
        threading.Thread(target=counter.serve, args=(link,), daemon=True).start()


def _write_answer(future: "Future[tuple[Vectors, Maps]]") -> bytes:
    error = future.exception()
    if error is not None:
        return FAILED + f"{type(error).__name__}: {error}".encode()[:MAX_TOLD]
    vectors, maps = future.result()
    return b"".join((DONE, SHAPE.pack(*maps.shape), vectors.tobytes(), maps.tobytes()))
