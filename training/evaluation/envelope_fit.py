"""The operating envelope: the bounds of each measure between which a detector's figures hold.

It is learned from the videos of the validation part, as the thresholds are: bounds chosen on the
test part would flatter the figures that are measured there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...stages.envelope import MEASURES, is_outside
from ...stages.pages import NOTHING, Table
from ...storage.detector_record import BoundsRecord, EnvelopeRecord, short
from .bootstrap import draw_groups, with_intervals
from .calibration import wilson_interval
from .judged import CALLED_FAKE, Judged
from .ranking import Ranking, area
from .traits import INSIDE, OUTSIDE, UNKNOWN

FEWEST = 100  # videos with a value: among fewer, the outermost per cent is none
TAIL = 0.01  # share of the videos that is left out on a side
BINS = 10  # with equally many videos
MOST = 4  # bins that a bound may move in from its side
FEWEST_OF_LABEL = 20  # videos of a label in a bin, at least, to move a bound
FACTOR = 2.0  # times the accepted rate of false positives
RESAMPLES = 1000
RULE = (
    "The bounds of a measure are those of the validation videos' values, the outermost "
    f"{100 * TAIL:g} % on a side left out. From there a bound moves in, a tenth of the videos at a "
    f"time and at most {MOST} tenths, while in the outermost tenth that is left the 95 % interval "
    "of the AUC includes 0.5, or the lower end of that of the false positives is above "
    f"{FACTOR:g} times the accepted rate. Tenths with fewer than {FEWEST_OF_LABEL} videos of a "
    f"label move nothing. A measure that fewer than {FEWEST} videos say has no bounds."
)
TraitValues = NDArray[np.float64]
Chosen = NDArray[np.bool_]  # (videos,)


@dataclass(frozen=True, slots=True)
class FoundBound:
    """A bound on one side, and how it was found."""

    at: float
    how: str


def learn_envelope(
    measures: TraitValues, judged: Judged, measured_on: str, false_positives: float, seed: int
) -> EnvelopeRecord:
    """The envelope of a detector whose judgements of the validation videos are `judged`.

    `measures` is (videos, measures) in the order of `MEASURES`, of the person who decides; NaN
    where a video gives no value. `false_positives` is the accepted rate, `seed` the bootstrap's.
    """
    bounds, unmeasured = {}, {}
    for column, (name, measure) in enumerate(MEASURES.items()):
        values = measures[:, column]
        if (speak := int(np.isfinite(values).sum())) < FEWEST:
            images = "; face images do not" if measure.of_videos else ""
            count = f"{speak} of {len(values)} say it, it takes {FEWEST}{images}"
            unmeasured[name] = f"{measure.words}: {count}"
            continue
        low = _bound(values, judged, false_positives, seed, low=True) if measure.below else None
        high = _bound(values, judged, false_positives, seed, low=False) if measure.above else None
        bounds[name] = _record(measure.words, values, low, high)
    within = _all_within(measures, bounds)
    share = float(within.mean()) if len(within) else 0.0
    return EnvelopeRecord(
        measures=bounds,
        unmeasured=unmeasured,
        measured_on=measured_on,
        videos=len(measures),
        within=share,
        rule=RULE,
    )


def envelope_traits(measures: TraitValues, envelope: EnvelopeRecord | None) -> tuple[str, ...]:
    """The trait `envelope` of videos, (videos, measures): inside, outside, or "" without bounds."""
    if envelope is None or not envelope.measures:
        return (UNKNOWN,) * len(measures)
    return tuple(INSIDE if i else OUTSIDE for i in _all_within(measures, envelope.measures))


def envelope_table(envelope: EnvelopeRecord) -> Table:
    """The bounds, and the measures without bounds, for the report."""
    head = ["measure", "lowest", "highest", "videos within", "how it was chosen"]
    rows = [
        [one.what, _number(one.low), _number(one.high), f"{100 * one.within:.1f} %", one.chosen]
        for one in envelope.measures.values()
    ]
    rows += [[why, *[NOTHING] * 3, "no bounds"] for why in envelope.unmeasured.values()]
    return Table(f"Learned on {envelope.measured_on}, {envelope.videos} videos", head, rows)


def _bound(
    values: TraitValues, judged: Judged, accepted: float, seed: int, *, low: bool
) -> FoundBound:
    known = values[np.isfinite(values)]
    edges = np.quantile(known, np.linspace(0, 1, BINS + 1))
    bins = list(pairwise(edges.tolist()))
    found = FoundBound(
        float(np.quantile(known, TAIL if low else 1 - TAIL)),
        f"the {'lowest' if low else 'highest'} {100 * TAIL:g} % left out",
    )
    for tenths, (begin, end) in enumerate((bins if low else bins[::-1])[:MOST], start=1):
        why = _weakness(judged, (values >= begin) & (values <= end), accepted, seed)
        if not why:
            break
        side = "lowest" if low else "highest"
        found = FoundBound(
            float(end if low else begin), f"the {side} {tenths} tenths left out: {why}"
        )
    return found


def _weakness(judged: Judged, chosen: Chosen, accepted: float, seed: int) -> str:
    """Why the figures do not hold for the chosen videos; "" if there is no sign of that."""
    fake = judged.fake[chosen]
    reals, fakes = int((~fake).sum()), int(fake.sum())
    if reals >= FEWEST_OF_LABEL:
        called = np.array(judged.decision)[chosen]
        wrong = int((called[~fake] == CALLED_FAKE).sum())
        if wilson_interval(wrong, reals)[0] > FACTOR * accepted:
            return f"{wrong} of {reals} reals called fake"
    if min(reals, fakes) >= FEWEST_OF_LABEL:
        low, high = _auc_interval(judged, chosen, seed)
        if low <= 0.5:
            return f"AUC not above chance ({low:.2f} to {high:.2f})"
    return ""


def _auc_interval(judged: Judged, chosen: Chosen, seed: int) -> tuple[float, float]:
    """The AUC's 95 % interval; (1, 1) where there are too few groups to have one."""
    fake = judged.fake[chosen]
    groups = [group for group, there in zip(judged.groups, chosen, strict=True) if there]
    ranking = Ranking(judged.probability[chosen], fake)
    draws = draw_groups(groups, fake, seed, RESAMPLES)
    found = with_intervals(lambda weights: {"auc": area(ranking.curve(weights))}, draws)
    low, high = found["auc"]["interval"] or (1.0, 1.0)
    return low, high


def _record(
    what: str, values: TraitValues, low: FoundBound | None, high: FoundBound | None
) -> BoundsRecord:
    bounds = BoundsRecord(
        what=what,
        low=low.at if low else None,
        high=high.at if high else None,
        within=1.0,
        chosen="; ".join(side.how for side in (low, high) if side),
    )
    known = values[np.isfinite(values)]
    inside = [not is_outside(float(value), bounds) for value in known]
    return bounds.model_copy(update={"within": float(np.mean(inside))})


def _all_within(measures: TraitValues, bounds: Mapping[str, BoundsRecord]) -> Chosen:
    """(videos,): whether every measure that a video has lies within."""
    columns = list(MEASURES)
    return np.array(
        [
            not any(is_outside(row[columns.index(name)], one) for name, one in bounds.items())
            for row in measures.tolist()
        ],
        np.bool_,
    )


def _number(bound: float | None) -> str:
    return NOTHING if bound is None else short(bound)
