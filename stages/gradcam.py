"""The stage `gradcam`: where in the picture the verdict comes from."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import Context
from .facts import FaceSample, FaceTrack, Judgement, TrackFeatures, TrackJudgement
from .heatsheet import Panel, draw_panel, draw_sheet, overlay_heat
from .media.base import Image

FOLDER = "heatmaps"
SHEET = "heatmap.png"
Heat = NDArray[np.float32]  # (rows, columns)


@dataclass(frozen=True, slots=True)
class Pick:
    """One frame of one track that is to be explained."""

    track: int
    sample: FaceSample
    score: float  # of this frame alone, 0..1
    attention: float
    heat: Heat


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017) of the verdict's logit, for the frames that weighed most.

    Shown is always what raised the logit of *fake*, also when the verdict is *real*: red is where
    the face speaks most for a manipulation. What speaks against it is cut off (the ReLU of the
    method), so a map may be empty: then nothing in that frame raised the score. All maps of a
    video share one scale; two videos' colours cannot be compared.

    Writes `heatmaps/<nn>.png` (whole frames) and `heatmap.png` (all of them on one sheet).
    Gives `heatmaps`: one {"file", "t" in seconds, "track"} each, the highest attention first.
    """

    name = "gradcam"
    version = "1"
    needs = frozenset({"frames", "faces", "features", "judgement"})
    gives = frozenset({"heatmaps"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Explain the `gradcam.count` frames with the largest attention."""
        settings, facts = context.settings.gradcam, context.facts
        judgement: Judgement = facts["judgement"]
        picks = pick_frames(facts["faces"], facts["features"], judgement, settings.count)
        panels = _draw_panels(picks, facts["frames"], settings.opacity)
        folder = context.work / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for number, panel in enumerate(panels, start=1):
            write_png(folder / f"{number:02}.png", panel.frame)
        write_png(context.work / SHEET, draw_sheet(panels, judgement))
        context.progress(1.0)
        return {"heatmaps": [_entry(n, pick) for n, pick in enumerate(picks, start=1)]}


def class_activation(maps: NDArray[Any], gradient: NDArray[np.float32]) -> Heat:
    """Grad-CAM of one frame, (rows, columns), never negative.

    Args:
        maps: (rows, columns, width), the backbone's last feature maps.
        gradient: (width,), d(logit) / d(vector), the vector being the maps' mean: a map's
            gradient, averaged over its places as Grad-CAM asks, is this over rows * columns.
    """
    rows, columns = maps.shape[:2]
    alpha = gradient / (rows * columns)
    return np.asarray(np.maximum(maps.astype(np.float32) @ alpha, 0), np.float32)


def pick_frames(
    faces: Iterable[FaceTrack],
    features: Iterable[TrackFeatures],
    judgement: Judgement,
    count: int,
) -> list[Pick]:
    """The `count` frames with the largest attention, highest first; heat 0..1 over all of them."""
    samples = {track.track: track.samples for track in faces}
    maps = {track.track: track.maps for track in features}
    ranked = sorted(
        ((judged, i) for judged in judgement.tracks for i in range(len(judged.attention))),
        key=lambda place: -float(place[0].attention[place[1]]),
    )
    picks = [_pick(judged, i, samples, maps) for judged, i in ranked[:count]]
    highest = max((float(pick.heat.max()) for pick in picks), default=0.0)
    for pick in picks:
        pick.heat[:] /= highest or 1.0
    return picks


def write_png(path: Path, image: Image) -> None:
    """Write an RGB image. Raises OSError when that fails."""
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
        raise OSError(f"could not write {path}")


def _pick(
    judged: TrackJudgement,
    i: int,
    samples: Mapping[int, tuple[FaceSample, ...]],
    maps: Mapping[int, NDArray[np.float16]],
) -> Pick:
    return Pick(
        track=judged.track,
        sample=samples[judged.track][i],
        score=float(judged.scores[i]),
        attention=float(judged.attention[i]),
        heat=class_activation(maps[judged.track][i], judged.gradient[i]),
    )


def _draw_panels(picks: list[Pick], frames: Any, opacity: float) -> list[Panel]:
    """One panel a pick, in their order; each frame is decoded once and let go."""
    waiting: dict[float, list[int]] = defaultdict(list)
    for place, pick in enumerate(picks):
        waiting[pick.sample.t].append(place)
    panels: dict[int, Panel] = {}
    times = sorted(waiting)
    for t, frame in zip(times, frames.at(times), strict=True):
        for place in waiting[t]:
            panels[place] = _draw(place + 1, picks[place], frame.image, opacity)
    return [panels[place] for place in range(len(picks))]


def _draw(number: int, pick: Pick, image: Image, opacity: float) -> Panel:
    heated = overlay_heat(image, pick.heat, pick.sample.box, opacity)
    label = (
        f"{number}.  {pick.sample.t:.2f} s   track {pick.track}   "
        f"frame score {pick.score:.2f}   attention {pick.attention:.2f}"
    )
    return draw_panel(image, heated, pick.sample.box, label, empty=not pick.heat.any())


def _entry(number: int, pick: Pick) -> dict[str, Any]:
    return {"file": f"{FOLDER}/{number:02}.png", "t": pick.sample.t, "track": pick.track}
