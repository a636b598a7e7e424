"""A backbone that another process runs, for this worker and for others (`network_server.py`)."""

import numpy as np

from ...storage.errors import DetectorError, NetworkLost
from .backbone import Crops, Maps, Vectors
from .link import COUNT, DONE, MOST_BYTES, SHAPE, Link

PATIENCE_S = 120.0  # for one reply; loading TensorFlow and a GPU's first run take seconds


class SharedBackbone:
    """A `Backbone` at the other end of a link.

    Args:
        link: to the process that runs it.
        sha256: of the record of the detector whose backbone it must be.

    Waits until that process has loaded the network. Raises `NetworkLost` when it is gone or does
    not answer, now or later, and `DetectorError` when it runs another detector.
    """

    def __init__(self, link: Link, sha256: str) -> None:
        self._link = link
        theirs, _, self.engine = self._receive().decode().partition(" ")
        if theirs != sha256:
            raise DetectorError(
                f"the network that all workers share is of another detector ({theirs[:8]}, not "
                f"{sha256[:8]})"
            )

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        """See `Backbone.run`."""
        try:
            self._link.writer.send_bytes(COUNT.pack(len(crops)) + np.ascontiguousarray(crops).data)
        except OSError as error:
            raise _lost("it is gone") from error
        reply = self._receive()
        if not reply.startswith(DONE):
            raise _lost(reply[1:].decode(errors="replace"))
        return _read_reply(reply[1:])

    def _receive(self) -> bytes:
        try:
            if not self._link.reader.poll(PATIENCE_S):
                raise _lost(f"no answer in {PATIENCE_S:g} s")
            return self._link.reader.recv_bytes(MOST_BYTES)
        except (EOFError, OSError) as error:
            raise _lost("it is gone") from error


def _read_reply(reply: bytes) -> tuple[Vectors, Maps]:
    count, rows, columns, width = SHAPE.unpack_from(reply)
    vectors = np.frombuffer(reply, np.float32, count * width, SHAPE.size)
    maps = np.frombuffer(reply, np.float16, offset=SHAPE.size + vectors.nbytes)
    return vectors.reshape(count, width), maps.reshape(count, rows, columns, width)


def _lost(why: str) -> NetworkLost:
    return NetworkLost(
        f"the process that runs the network for all workers: {why}; "
        '`features.shared` "never" gives each worker its own'
    )
