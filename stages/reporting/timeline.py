"""The timeline: the score of each looked-at frame over time, one panel a person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ...record.schema import FacePart, FramePart, HeatmapPart, ThresholdsPart, Verdict
from .drawing import Area, Dot, Drawing, Label, Path, Shape
from .timestamps import marks

MOST_POINTS = 400  # of one person's line; beyond them neighbours are drawn as one
MOST_DOTS = 80  # points that are drawn as dots as well
GAP_STEPS = 2.5  # a longer gap between two looks, in usual steps, breaks the line
DARKEST = 0.9  # opacity of the frame that weighed most
WIDE, NARROW = 760.0, 340.0  # units; a unit is about a pixel of the page
TITLE, PLOT, AXIS, LEFT, RIGHT = 30.0, 150.0, 54.0, 34.0, 14.0
STRIP = 14.0  # height of the strip that shades by attention, under the plot
GUTTER = 104.0  # beside the plot, for the thresholds' names, where there is room
LETTERS, LINE = 12.5, 18.0
LEGEND = (
    "line and dots: score of each looked-at frame    rings: frames that have a heatmap",
    "strip: attention, the darker the more a frame weighed    time in minutes:seconds",
)


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One looked-at frame of one person."""

    t: float  # seconds
    score: float  # 0..1
    attention: float
    picked: bool = False  # there is a heatmap of it


@dataclass(frozen=True, slots=True)
class PlotArea:
    """Where the plot of one panel lies on the sheet, and what it spans."""

    left: float
    top: float
    width: float
    until: float  # seconds at its right end

    def x(self, t: float) -> float:
        """Of a time in seconds."""
        return round(self.left + self.width * min(max(t / self.until, 0.0), 1.0), 2)

    def y(self, score: float) -> float:
        """Of a score of 0..1."""
        return round(self.top + PLOT * (1 - score), 2)


def draw_timeline(record: Verdict, width: float = WIDE, *, legend: bool = False) -> Drawing | None:
    """All people of a verdict, one below the other; None when nobody was judged."""
    if not record["faces"]:
        return None
    until = _until(record)
    gutter = GUTTER if width > NARROW else 0.0
    title = TITLE if gutter else TITLE + LINE
    panel = title + PLOT + AXIS
    shapes: list[Shape] = []
    for place, face in enumerate(record["faces"]):
        top = place * panel + title
        frame = PlotArea(LEFT, top, width - LEFT - RIGHT - gutter, until)
        shapes += _panel(frame, face, record, in_gutter=bool(gutter))
    bottom = len(record["faces"]) * panel
    if legend:
        shapes += [
            Label("note", LEFT, bottom + 14 + LINE * line, text, LETTERS)
            for line, text in enumerate(LEGEND)
        ]
        bottom += LINE * len(LEGEND) + 8
    return Drawing(width, bottom, tuple(shapes))


def looks_of(face: FacePart, heatmaps: Sequence[HeatmapPart]) -> list[ScoredFrame]:
    """One person's looked-at frames, so many that they can be told apart."""
    picked = {one["t"] for one in heatmaps if one["track"] == face["track"]}
    frames = face["frames"]
    size = -(-len(frames) // MOST_POINTS)
    return [_one(frames[i : i + size], picked) for i in range(0, len(frames), size)]


def _one(frames: Sequence[FramePart], picked: set[float]) -> ScoredFrame:
    """Several neighbours as one: the highest score among them, and all their attention."""
    top = max(frames, key=lambda frame: frame["score"])
    return ScoredFrame(
        top["t"],
        top["score"],
        sum(frame["attention"] for frame in frames),
        any(round(frame["t"], 6) in {round(t, 6) for t in picked} for frame in frames),
    )


def _until(record: Verdict) -> float:
    last = max(frame["t"] for face in record["faces"] for frame in face["frames"])
    container = record["input"]["container"]
    stated = container["duration_s"] if container else None
    return max(stated or 0.0, last, 0.1)


def _panel(frame: PlotArea, face: FacePart, record: Verdict, *, in_gutter: bool) -> Iterator[Shape]:
    looks = looks_of(face, record["heatmaps"])
    title = f"Person {face['track']}: score {face['probability']:.3f} over all frames"
    above = 10 if in_gutter else 10 + LINE
    yield Label("title", frame.left, frame.top - above, title, LETTERS + 1)
    yield from _ground(frame, record["thresholds"])
    yield from _attention(frame, looks)
    yield from _axes(frame)
    yield from _thresholds(frame, record["thresholds"], in_gutter=in_gutter)
    for line in _unbroken(looks):
        yield Path("score", tuple((frame.x(look.t), frame.y(look.score)) for look in line))
    yield from _dots(frame, looks)


def _ground(frame: PlotArea, thresholds: ThresholdsPart) -> Iterator[Shape]:
    yield Area("plot", frame.left, frame.top, frame.width, PLOT)
    fake, real = frame.y(thresholds["fake"]), frame.y(thresholds["real"])
    yield Area("band", frame.left, fake, frame.width, round(real - fake, 2))


def _attention(frame: PlotArea, looks: Sequence[ScoredFrame]) -> Iterator[Shape]:
    """A strip under the plot: each look as far as half way to the next, dark where it weighed."""
    step = _step(looks)
    reach = GAP_STEPS / 2 * step
    most = max(look.attention for look in looks) or 1.0
    edges = [looks[0].t - step, *(look.t for look in looks), looks[-1].t + step]
    for before, look, after in zip(edges, looks, edges[2:], strict=False):
        x = frame.x(look.t - min(reach, (look.t - before) / 2))
        width = frame.x(look.t + min(reach, (after - look.t) / 2)) - x
        opacity = round(DARKEST * look.attention / most, 3)
        top = frame.top + PLOT + 4
        yield Area("attention", x, top, max(round(width, 2), 1.0), STRIP, opacity)


def _axes(frame: PlotArea) -> Iterator[Shape]:
    bottom, right = frame.top + PLOT, frame.left + frame.width
    for score, words in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        y = frame.y(score)
        yield Path("grid", ((frame.left, y), (right, y)))
        yield Label("tick", frame.left - 6, y + 4, words, LETTERS, "end")
    floor = bottom + STRIP + 8
    for t, words in marks(frame.until, 8 if frame.width > NARROW else 4):
        x = frame.x(t)
        yield Path("grid", ((x, floor), (x, floor + 5)))
        anchor = "start" if not t else "end" if t == frame.until else "middle"
        yield Label("tick", x, floor + 19, words, LETTERS, anchor)


def _thresholds(frame: PlotArea, thresholds: ThresholdsPart, *, in_gutter: bool) -> Iterator[Shape]:
    right = frame.left + frame.width
    fake, real = thresholds["fake"], thresholds["real"]
    for kind, score in (("fake", fake), ("real", real)):
        y = frame.y(score)
        yield Path(kind, ((frame.left, y), (right, y)))
    yield from (_beside if in_gutter else _over)(frame, fake, real)


def _beside(frame: PlotArea, fake: float, real: float) -> Iterator[Shape]:
    """The names of lines and strip, to the right of them."""
    x = frame.left + frame.width + 6
    below, above = LETTERS + 2.5, -5.0
    yield Label("fake", x, frame.y(fake) + above, f"fake from {fake:.2f}", LETTERS)
    yield Label("real", x, frame.y(real) + below, f"real up to {real:.2f}", LETTERS)
    if frame.y(real) - frame.y(fake) > 2 * LINE:
        yield Label("note", x, frame.y((fake + real) / 2) + 4, "inconclusive", LETTERS)
    yield Label("note", x, frame.top + PLOT + 4 + LETTERS, "attention", LETTERS)


def _over(frame: PlotArea, fake: float, real: float) -> Iterator[Shape]:
    """The lines' names over the plot, where there is no room beside it."""
    yield Label("fake", frame.left, frame.top - 10, f"fake from {fake:.2f}", LETTERS)
    middle = frame.left + frame.width / 2
    yield Label("real", middle, frame.top - 10, f"real up to {real:.2f}", LETTERS)


def _unbroken(looks: Sequence[ScoredFrame]) -> Iterator[list[ScoredFrame]]:
    """The stretches in which the person was seen all along."""
    longest = GAP_STEPS * _step(looks)
    line: list[ScoredFrame] = []
    for look in looks:
        if line and look.t - line[-1].t > longest:
            yield line
            line = []
        line.append(look)
    yield line


def _dots(frame: PlotArea, looks: Sequence[ScoredFrame]) -> Iterator[Shape]:
    for look in looks:
        x, y = frame.x(look.t), frame.y(look.score)
        if len(looks) <= MOST_DOTS:
            yield Dot("dot", x, y, 2.6)
        if look.picked:
            yield Dot("ring", x, y, 5.5)


def _step(looks: Sequence[ScoredFrame]) -> float:
    """Seconds between two looks as a rule."""
    gaps = [after.t - before.t for before, after in pairwise(looks)]
    return median(gaps) if gaps else 1.0
