"""Decoding frames in a thread while the caller works on the one before."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from .video import Frame

END: Final = None


def ahead(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The same frames, each decoded by a thread while the caller works on the one before: one more
    frame in memory, to use a second core. Decoders and networks both release the interpreter lock.

    Raises what `frames` raises, in its place.
    """
    source = iter(frames)
    with ThreadPoolExecutor(1, thread_name_prefix="decoder") as decoder:
        coming = decoder.submit(next, source, END)
        while (frame := coming.result()) is not END:
            coming = decoder.submit(next, source, END)
            yield frame
