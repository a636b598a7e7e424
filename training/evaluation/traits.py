"""Named bins for properties of videos, so that a reader sees where a detector fails."""

import math
from collections.abc import Callable, Mapping, Sequence

FACE_SIZE, BRIGHTNESS, COMPRESSION, METHOD = "face size", "brightness", "compression", "method"
ENVELOPE, INSIDE, OUTSIDE = "operating envelope", "inside", "outside"
UNKNOWN = ""
Bounds = Sequence[tuple[float, str]]  # (below, name), rising

# Detectors see faces at 128 to 224 px: smaller ones were enlarged, the smallest a lot.
FACE_SIZES: Bounds = (
    (64, "under 64 px"),
    (128, "64 to 127 px"),
    (256, "128 to 255 px"),
    (math.inf, "256 px and more"),
)
BRIGHTNESSES: Bounds = (
    (60, "dark (under 60 of 255)"),
    (170, "middling (60 to 169)"),
    (math.inf, "bright (170 and more)"),
)
# For 1080p at 30 frames per second 0.05 bits per pixel are 3 Mbit/s, and 0.15 are 9 Mbit/s.
COMPRESSIONS: Bounds = (
    (0.05, "strong (under 0.05 bits a pixel)"),
    (0.15, "usual (0.05 to 0.15 bits a pixel)"),
    (math.inf, "weak (0.15 bits a pixel and more)"),
)
BOUNDS: Mapping[str, Bounds] = {
    FACE_SIZE: FACE_SIZES,
    BRIGHTNESS: BRIGHTNESSES,
    COMPRESSION: COMPRESSIONS,
}


def name_traits(
    face_width: Sequence[float],
    brightness: Sequence[float],
    bits_per_pixel: Sequence[float],
    method: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """The `traits` of `Judged`: each has one name per video, "" where it is not known.

    Args:
        face_width: of the judged person, in pixels of the video; not above 0: unknown.
        brightness: mean of the picture, 0..255; negative: unknown.
        bits_per_pixel: of a frame; not above 0: unknown.
        method: of manipulation, as the data set names it; "" for reals and where it names none.
    """
    return {
        FACE_SIZE: _bins(face_width, FACE_SIZES, known=lambda width: width > 0),
        BRIGHTNESS: _bins(brightness, BRIGHTNESSES, known=lambda light: light >= 0),
        COMPRESSION: _bins(bits_per_pixel, COMPRESSIONS, known=lambda bits: bits > 0),
        METHOD: tuple(method),
    }


def in_order(trait: str, values: Sequence[str]) -> list[str]:
    """The distinct values of a trait, bins from low to high, the unknown last."""
    known = [name for _, name in BOUNDS.get(trait, ())]
    rank = {name: place for place, name in enumerate(known)}
    return sorted(set(values), key=lambda value: (value == UNKNOWN, rank.get(value, 0), value))


def _bins(
    values: Sequence[float], bounds: Bounds, known: Callable[[float], bool]
) -> tuple[str, ...]:
    def name(value: float) -> str:
        return next(name for below, name in bounds if value < below)

    return tuple(name(value) if known(value) else UNKNOWN for value in values)
