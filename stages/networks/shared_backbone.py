"""A backbone that another process runs, for this worker and for others (`network_server.py`)."""

import numpy as np

from ...storage.errors import DetectorError, NetworkLost
from .backbone import Crops, Maps, Vectors
from .link import COUNT, DONE, MOST_BYTES, SHAPE, Link

PATIENCE_S = 120.0  # for one answer; loading TensorFlow and a GPU's first run take seconds


class SharedBackbone:
    """A `Backbone` at the other end of a link.

    Args:
        link: to the process that runs it.
        sha256: of the record of the detector that it must be of.

    Waits until that process has loaded its network. Raises `NetworkLost` when it is gone or does
    not answer, also later, and `DetectorError` when it runs another detector.
    """

    def __init__(self, link: Link, sha256: str) -> None:
        self._link = link
        theirs, _, self.engine = self._hear().decode().partition(" ")
        if theirs != sha256:
            raise DetectorError(
                f"the network that all workers share is of another detector ({theirs[:8]}, not "
                f"{sha256[:8]})"
            )

    def run(self, crops: Crops) -> tuple[Vectors, Maps]:
        """See `Backbone.run`."""
        try:
            self._link.ask.send_bytes(COUNT.pack(len(crops)) + np.ascontiguousarray(crops).data)
        except OSError as error:
            raise _lost("it is gone") from error
        said = self._hear()
        if not said.startswith(DONE):
            raise _lost(said[1:].decode(errors="replace"))
        return _read_answer(said[1:])

    def _hear(self) -> bytes:
        try:
            if not self._link.hear.poll(PATIENCE_S):
                raise _lost(f"no answer in {PATIENCE_S:g} s")
            return self._link.hear.recv_bytes(MOST_BYTES)
        except (EOFError, OSError) as error:
            raise _lost("it is gone") from error


def _read_answer(said: bytes) -> tuple[Vectors, Maps]:
    count, rows, columns, width = SHAPE.unpack_from(said)
    vectors = np.frombuffer(said, np.float32, count * width, SHAPE.size)
    maps = np.frombuffer(said, np.float16, offset=SHAPE.size + vectors.nbytes)
    return vectors.reshape(count, width), maps.reshape(count, rows, columns, width)


def _lost(why: str) -> NetworkLost:
    return NetworkLost(
        f"the process that runs the network for all workers: {why}; "
        '`features.shared` "never" gives each worker its own'
    )
