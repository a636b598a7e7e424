"""Which codecs can be decoded here."""

import av
from av.codec.codec import UnknownCodecError


def can_decode(codec: str) -> bool:
    """Whether there is a decoder of this FFmpeg name."""
    try:
        av.Codec(codec, "r")
    except UnknownCodecError:
        return False
    return True
