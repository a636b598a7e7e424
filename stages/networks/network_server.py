"""Runs one detector's backbone for many workers, in batches over the crops of all of them.

A GPU is fast on many faces at once, and one job has few; TensorFlow taker seconds to start and
gigabytes of memory. So one process holds the network. While it runs one batch, the crops of other
jobs arrive and make up the next: the more workers, the larger the batches. Meanwhile the workers
decode and find faces on the CPU.
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
MAX_ERROR_BYTES = 1000  # of an error's text
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class CropRequest:
    """One worker's crops, and the future that receives their vectors and maps."""

    crops: Crops
    answer: "Future[tuple[Vectors, Maps]]" = field(default_factory=Future)


class Batches:
    """Runs all waiting requests together, in the thread that calls `run_next`."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._waiting: SimpleQueue[CropRequest] = SimpleQueue()

    def ask(self, crops: Crops) -> "Future[tuple[Vectors, Maps]]":
        """Request a run of crops (n, size, size, 3) together with others. From any thread."""
        asked = CropRequest(crops)
        self._waiting.put(asked)
        return asked.answer

    def run_next(self) -> int:
        """Wait for crops, then run all that wait, up to `TOGETHER`. Returns the number of jobs."""
        batch = [self._waiting.get()]
        while not self._waiting.empty() and sum(len(asked.crops) for asked in batch) < TOGETHER:
            batch.append(self._waiting.get())
        try:
            vectors, maps = self._backbone.run(np.concatenate([asked.crops for asked in batch]))
        # A failure goes to the jobs of this batch: it must not end the process that others use.
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


class LinkServer:
    """Serves the workers, each over a link of its own.

    Args:
        batches: what runs their crops.
        size: pixels of a crop's side.
        most: crops that a worker may send at a time.
        greeting: the first message to each worker.
    """

    def __init__(self, batches: Batches, size: int, most: int, greeting: str) -> None:
        self._batches, self._size, self._greeting = batches, size, greeting.encode()
        self._most_bytes = COUNT.size + most * size * size * CHANNELS

    def serve(self, link: Link) -> None:
        """Serve one worker until it is gone, or sends what no worker sends."""
        try:
            link.writer.send_bytes(self._greeting)
            while True:
                crops = self._read(link.reader.recv_bytes(self._most_bytes))
                link.writer.send_bytes(_write_answer(self._batches.ask(crops)))
        except (EOFError, OSError, ValueError, struct.error) as error:
            logger.debug("a worker's link has ended: %r", error)
        finally:
            link.close()

    def _read(self, message: bytes) -> Crops:
        """Raises ValueError or `struct.error` unless it holds as many crops as it states."""
        (count,) = COUNT.unpack_from(message)
        if not count:
            raise ValueError("no crops")
        pixels = np.frombuffer(message, np.uint8, offset=COUNT.size)
        return pixels.reshape(count, self._size, self._size, CHANNELS)


def serve_network(folder: DetectorFolder, settings: FeaturesSettings) -> None:
    """Load the backbone and run it for all linked workers; never returns.

    Links come, as pairs of file descriptors, over the socket that this process inherited.
    Raises what `load_detector` raises.
    """
    channel = inherited.find(socket.socket)
    if channel is None:
        raise RuntimeError("a process that runs the network for others inherits a socket")
    detector = load_detector(folder, settings)
    batches = Batches(detector.backbone)
    greeting = f"{detector.sha256} {detector.backbone.engine}"
    server = LinkServer(batches, detector.record.preprocessing.size, settings.batch, greeting)
    taker = threading.Thread(target=_take_links, args=(channel, server), daemon=True)
    taker.start()
    while True:
        batches.run_next()


def _take_links(channel: socket.socket, server: LinkServer) -> None:
    """Start one thread for each link, until the other end of `channel` is closed."""
    while True:
        _, ends, _, _ = socket.recv_fds(channel, 1, 2)
        if not ends:
            return
        asked, answers = ends
        link = Link(Connection(answers, readable=False), Connection(asked, writable=False))
        threading.Thread(target=server.serve, args=(link,), daemon=True).start()


def _write_answer(future: "Future[tuple[Vectors, Maps]]") -> bytes:
    error = future.exception()
    if error is not None:
        return FAILED + f"{type(error).__name__}: {error}".encode()[:MAX_ERROR_BYTES]
    vectors, maps = future.result()
    return b"".join((DONE, SHAPE.pack(*maps.shape), vectors.tobytes(), maps.tobytes()))
