"""What the first bytes of a file show it to be, before any decoder touches it."""

from pathlib import Path

HEAD_BYTES = 1024

_STARTS = (
    b"\x1a\x45\xdf\xa3",  # EBML: Matroska, WebM
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video elementary stream
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV
    b"FLV\x01",
    b"OggS",
    b"\x06\x0e\x2b\x34",  # MXF
)
_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_IMAGE_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
_TS_PACKETS = ((0, 188), (4, 192))  # (offset of the sync byte, packet length): TS, M2TS
_TS_SYNC = 0x47


def read_head(path: Path) -> bytes:
    """The first bytes of a file. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def is_blank(head: bytes) -> bool:
    """Whether nothing is there yet: no byte at all, or reserved space not written to."""
    return not any(head)


def is_video(head: bytes) -> bool:
    """Whether the bytes begin a video container that ddaemon knows."""
    return head.startswith(_STARTS) or _is_mp4(head) or _is_avi(head) or _is_transport(head)


def _is_mp4(head: bytes) -> bool:
    return head[4:8] in _ATOMS and head[8:12] not in _IMAGE_BRANDS


def _is_avi(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX")


def _is_transport(head: bytes) -> bool:
    return any(
        len(head) > first + 2 * step and all(head[first + i * step] == _TS_SYNC for i in range(3))
        for first, step in _TS_PACKETS
    )
