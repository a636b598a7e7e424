"""What a worker and the process that runs the network for all workers say to each other.

    network -> worker   the SHA-256 of its detector's record and its engine, once
    worker -> network   COUNT, then the pixels of so many crops
    network -> worker   DONE, SHAPE, vectors (float32), maps (float16); or FAILED and why

A worker is a stranger (a video may have taken it over): what comes from it is a number and pixels,
nothing is unpickled, and no message is larger than a batch.
"""

import struct
from dataclasses import dataclass
from multiprocessing.connection import Connection

COUNT = struct.Struct("<I")  # of crops
SHAPE = struct.Struct("<4I")  # crops, rows, columns, width
DONE, FAILED = b"d", b"f"
MOST_BYTES = 1024**3  # of one answer


@dataclass(frozen=True, slots=True)
class Link:
    """A worker's end: two pipes, because it may have no socket."""

    ask: Connection
    hear: Connection

    def close(self) -> None:
        """Give both back."""
        self.ask.close()
        self.hear.close()
