"""The protocol between a worker and the process that runs the network for all workers.

    network -> worker   the SHA-256 of its detector's record and its engine, once
    worker -> network   COUNT, then the pixels of so many crops
    network -> worker   DONE, SHAPE, vectors (float32), maps (float16); or FAILED and why

A worker is not trusted (a video may have hijacked it): it sends only a number and pixels, nothing
from it is unpickled, and no message is larger than a batch.
"""

import struct
from dataclasses import dataclass
from multiprocessing.connection import Connection

COUNT = struct.Struct("<I")  # of crops
SHAPE = struct.Struct("<4I")  # crops, rows, columns, width
DONE, FAILED = b"d", b"f"
MOST_BYTES = 1024**3  # of one reply


@dataclass(frozen=True, slots=True)
class Link:
    """One end of the connection: two pipes, because a worker may have no socket."""

    writer: Connection
    reader: Connection

    def close(self) -> None:
        """Close both pipes."""
        self.writer.close()
        self.reader.close()
