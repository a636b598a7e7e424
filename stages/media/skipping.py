"""Which packets need no decoding on the way to a frame.

Frames that no other frame refers to (half of a usual H.264 stream) may be skipped without changing
a pixel of the rest. A packet is skipped only when another packet is known to hold a later frame
that is still due before the requested moment, so the skipped one is not displayed then.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from av.codec.context import CodecContext
from av.packet import Packet

Packets = Iterable["Packet[Any]"]
Discard = Literal["DEFAULT", "NONREF"]
LOOK_AHEAD = 32  # packets; no codec reorders over a longer distance
# What the decoder may skip (FFmpeg's AVDISCARD).
WHOLE: Discard = "DEFAULT"
WITHOUT_UNUSED: Discard = "NONREF"


class Skipper:
    """Passes packets on, and tells the decoder which of them it may skip.

    `until` is the tick to be reached; before it is set nothing is skipped, nor while a packet
    without a time is in sight.
    """

    def __init__(self, codec: CodecContext) -> None:
        self._codec = codec
        self._passed: deque[int] = deque(maxlen=LOOK_AHEAD)
        self.until: int | None = None

    def pass_on(self, packets: Packets) -> "Iterator[Packet[Any]]":
        """All packets, in order."""
        source = iter(packets)
        ahead: deque[Packet[Any]] = deque()
        while True:
            while len(ahead) < LOOK_AHEAD and (packet := next(source, None)) is not None:
                ahead.append(packet)
            if not ahead:
                return
            packet = ahead.popleft()
            self._set_discard(WITHOUT_UNUSED if self._is_before_another(packet, ahead) else WHOLE)
            if packet.pts is not None:
                self._passed.append(packet.pts)
            yield packet

    def _is_before_another(self, packet: "Packet[Any]", ahead: Packets) -> bool:
        until, own = self.until, packet.pts
        if until is None or own is None:
            return False
        later = [*self._passed, *(other.pts for other in ahead if other.size)]
        if None in later:
            return False
        return any(own < pts <= until for pts in later if pts is not None)

    def _set_discard(self, what: Discard) -> None:
        if self._codec.skip_frame != what:
            self._codec.skip_frame = what
