"""The stage `gradcam`: where in the picture the verdict comes from."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..record.schema import HeatmapPart, HeatMethod
from .base import Context
from .explanation.activation import ACTIVATIONS, Heat
from .explanation.blurring import ScoreFunction, occlusion
from .explanation.faithfulness import Faithfulness, as_record, check_heats
from .explanation.heatsheet import Caption, Panel, draw_panel, draw_sheet, overlay_heat, shrink
from .facts import FaceSample, FaceTrack, Judgement, TrackFeatures, TrackJudgement
from .features import batches
from .media.video import Image

FOLDER = "heatmaps"
SHEET = "heatmap.png"
TITLES: Mapping[HeatMethod, str] = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "occlusion": "Occlusion",
}
# A plus in a link can mean a space.
FILE_NAMES: Mapping[HeatMethod, str] = {
    "gradcam": "gradcam",
    "gradcam++": "gradcampp",
    "occlusion": "occlusion",
}
JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
ENOUGH = 0.5  # of the largest attention times score: what a frame must have to be preferred

FrameRef = tuple[int, int]  # the person's track, and the frame's place in it


@dataclass(frozen=True, slots=True)
class Pick:
    """One frame of one person that is to be explained."""

    judged: TrackJudgement
    features: TrackFeatures
    place: int  # in the track
    sample: FaceSample


Heats = list[dict[HeatMethod, Heat]]  # one a pick: by method, 0..1
Checks = list[dict[HeatMethod, Faithfulness | None]]  # one per pick: by method
Explained = tuple[Pick, dict[HeatMethod, Heat], dict[HeatMethod, Faithfulness | None]]


class GradCam:
    """Heatmaps of the verdict's logit, for the frames that spoke most for a fake.

    These are the frames with the largest product of attention and own score. Attention alone would
    not do: where a head attends to all frames alike, it would pick the first ones, whatever they
    show. Neighbouring frames look alike and show the same thing twice, so the neighbour of a picked
    frame gives way to others that spoke nearly as much.

    A map always shows what raised the logit of *fake*, even when the verdict is *real*: red is
    where the face speaks most for a manipulation. What speaks against it is cut off (the ReLU of
    the method), so a map may be empty: then nothing in that frame raised the score. All maps of a
    video by one method share one scale; colours of two videos cannot be compared.

    With `gradcam.check` each map is compared with random orders of its cells (`faithfulness.py`),
    drawn from the content's SHA-256, so that the same video gets the same result.

    Writes `heatmaps/<nn>-<method>.jpg` and `heatmaps/<nn>-frame.jpg` (whole frames, with and
    without heat) and `heatmap.png` (all of them on one sheet).
    Gives `heatmaps`: a list of `HeatmapPart`, the frame that spoke most for a fake first.
    """

    name = "gradcam"
    version = "6"
    needs = frozenset({"frames", "faces", "features", "judgement"})
    gives = frozenset({"heatmaps"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Explain the `gradcam.count` frames that spoke most for a fake."""
        settings, facts = context.settings.gradcam, context.facts
        judgement: Judgement = facts["judgement"]
        picks = pick_frames(facts["faces"], facts["features"], judgement, settings.count)
        heats = heat_picks(picks, context)
        checks = check_picks(picks, heats, context)
        explained = list(zip(picks, heats, checks, strict=True))
        folder = context.work / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        panels = _draw_panels(explained, facts["frames"], settings.opacity, folder)
        write_image(context.work / SHEET, draw_sheet(panels, judgement))
        context.progress(1.0)
        return {"heatmaps": list(_entries(explained))}


def pick_frames(
    faces: Iterable[FaceTrack],
    features: Iterable[TrackFeatures],
    judgement: Judgement,
    count: int,
) -> list[Pick]:
    """The `count` frames with the largest attention times score, highest first; neighbours only
    where no others spoke nearly as much."""
    samples = {track.track: track.samples for track in faces}
    seen = {track.track: track for track in features}
    weights = {
        (judged.track, place): float(attention * score)
        for judged in judgement.tracks
        for place, (attention, score) in enumerate(
            zip(judged.attention, judged.scores, strict=True)
        )
    }
    people = {judged.track: judged for judged in judgement.tracks}
    return [
        Pick(people[track], seen[track], place, samples[track][place])
        for track, place in strongest_apart(weights, count)
    ]


def strongest_apart(weights: Mapping[FrameRef, float], count: int) -> list[FrameRef]:
    """The `count` places of the largest weights, largest first.

    A place next to a heavier one of the same person gives way to the next place that has no such
    neighbour, if its weight is at least `ENOUGH` of the heaviest.
    """
    ranked = sorted(weights, key=lambda place: -weights[place])
    apart: list[FrameRef] = []
    for track, place in ranked:
        if len(apart) == count:
            break
        near = {(track, place - 1), (track, place + 1)}
        if weights[track, place] >= ENOUGH * weights[ranked[0]] and near.isdisjoint(apart):
            apart.append((track, place))
    chosen = (apart + [place for place in ranked if place not in apart])[:count]
    return [place for place in ranked if place in chosen]


def heat_picks(picks: Sequence[Pick], context: Context) -> Heats:
    """Every pick's maps; each method's heat is 0..1 over all of them."""
    methods: Sequence[HeatMethod] = context.settings.gradcam.methods
    heats = [{method: _heat(method, pick, context) for method in methods} for pick in picks]
    for method in methods:
        highest = max((float(of[method].max()) for of in heats), default=0.0)
        for of in heats:
            of[method] /= highest or 1.0
    return heats


def check_picks(picks: Sequence[Pick], heats: Heats, context: Context) -> Checks:
    """Compare every pick's maps with random orders; without `gradcam.check` all are None."""
    if not context.settings.gradcam.check:
        return [dict.fromkeys(of) for of in heats]
    found: Checks = []
    for pick, of in zip(picks, heats, strict=True):
        context.progress(len(found) / len(picks))
        random = _random(context.subject.sha256, pick)
        checks = check_heats(list(of.values()), pick.sample.crop, _judge(pick, context), random)
        found.append(dict(zip(of, checks, strict=True)))
    return found


def write_image(path: Path, image: Image, options: Sequence[int] = ()) -> None:
    """Write an RGB image; `options` are those of OpenCV. Raises OSError when that fails."""
    if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options):
        raise OSError(f"could not write {path}")


def _heat(method: HeatMethod, pick: Pick, context: Context) -> Heat:
    maps = pick.features.maps[pick.place]
    if method == "occlusion":
        return occlusion(pick.sample.crop, maps.shape[:2], _judge(pick, context))
    return ACTIVATIONS[method](maps, pick.judged.gradient[pick.place])


def _judge(pick: Pick, context: Context) -> ScoreFunction:
    """A function for the person's probability of fake with this frame's face replaced by others."""
    detector, size = context.detector, context.settings.features.batch

    def judge(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        some = batches(list(crops), size)
        vectors = np.concatenate([detector.extract(batch)[0] for batch in some])
        return detector.judge_exchanged(pick.features.vectors, pick.place, vectors)

    return judge


def _random(sha256: str, pick: Pick) -> np.random.Generator:
    return np.random.default_rng([int(sha256, 16), pick.judged.track, pick.sample.index])


def _draw_panels(
    explained: Sequence[Explained], frames: Any, opacity: float, folder: Path
) -> list[Panel]:
    """Write the pictures of each pick and return its panels, in the order of the picks; each frame
    is decoded once and then released."""
    waiting: dict[float, list[int]] = defaultdict(list)
    for place, (pick, _, _) in enumerate(explained):
        waiting[pick.sample.t].append(place)
    panels: dict[int, list[Panel]] = {}
    times = sorted(waiting)
    for t, frame in zip(times, frames.at(times), strict=True):
        for place in waiting[t]:
            panels[place] = list(_draw(place, explained[place], frame.image, opacity))
            write_image(folder / _frame_name(place), shrink(frame.image), JPEG)
            for method, panel in zip(explained[place][1], panels[place], strict=True):
                write_image(folder / _heat_name(place, method), panel.frame, JPEG)
    return [panel for place in range(len(explained)) for panel in panels[place]]


def _draw(place: int, explained: Explained, image: Image, opacity: float) -> Iterator[Panel]:
    pick, heats, checks = explained
    for method, heat in heats.items():
        heated = overlay_heat(image, heat, pick.sample.box, opacity)
        label = (
            f"{place + 1}.  {TITLES[method]}   {pick.sample.t:.2f} s   person {pick.judged.track}"
            f"   frame score {pick.judged.scores[pick.place]:.2f}"
            f"   attention {pick.judged.attention[pick.place]:.2f}"
        )
        caption = Caption(TITLES[method], label, not heat.any(), checks[method])
        yield draw_panel(image, heated, pick.sample.box, caption)


def _entries(explained: Sequence[Explained]) -> Iterator[HeatmapPart]:
    for place, (pick, heats, checks) in enumerate(explained):
        for method in heats:
            yield {
                "file": f"{FOLDER}/{_heat_name(place, method)}",
                "frame_file": f"{FOLDER}/{_frame_name(place)}",
                "t": pick.sample.t,
                "track": pick.judged.track,
                "method": method,
                "faithfulness": as_record(checks[method]),
            }


def _heat_name(place: int, method: HeatMethod) -> str:
    return f"{place + 1:02}-{FILE_NAMES[method]}.jpg"


def _frame_name(place: int) -> str:
    return f"{place + 1:02}-frame.jpg"
