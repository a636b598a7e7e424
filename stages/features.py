"""The stage `features`: each face crop becomes a vector, and the map that it was pooled from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .base import Context
from .facts import FaceTrack, TrackFeatures
from .networks.backbone import Crops


class Features:
    """Runs the detector's backbone over all tracks' crops, `features.batch` at a time.

    Gives `features`: a list of `TrackFeatures`, in the order of the tracks.
    """

    name = "features"
    version = "1"
    needs = frozenset({"faces"})
    gives = frozenset({"features"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Batches go across tracks, so that short tracks do not make small batches."""
        tracks: Sequence[FaceTrack] = context.facts["faces"]
        crops = [sample.crop for track in tracks for sample in track.samples]
        vectors, maps = [], []
        for batch in batches(crops, context.settings.features.batch):
            some_vectors, some_maps = context.detector.extract(batch)
            vectors.append(some_vectors)
            maps.append(some_maps)
            context.progress(sum(map(len, vectors)) / len(crops))
        return {"features": _by_track(tracks, np.concatenate(vectors), np.concatenate(maps))}


def batches(crops: Sequence[Any], size: int) -> Iterator[Crops]:
    """At most `size` crops at a time, each batch (n, side, side, 3)."""
    for start in range(0, len(crops), size):
        yield np.stack(crops[start : start + size])


def _by_track(tracks: Sequence[FaceTrack], vectors: Any, maps: Any) -> list[TrackFeatures]:
    ends = np.cumsum([len(track.samples) for track in tracks])[:-1]
    parts = zip(tracks, np.split(vectors, ends), np.split(maps, ends), strict=True)
    return [
        TrackFeatures(track.track, its_vectors, its_maps) for track, its_vectors, its_maps in parts
    ]
