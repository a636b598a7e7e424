"""The card: what a person should know of a detector before trusting it."""

from collections.abc import Sequence
from typing import Any

from ...storage.detector_record import DetectorRecord

CARD = """# {record.name} {record.version}

{record.description}.

## For what, and not for what

For: pointing a person at videos of faces that may have been swapped, and at where to look.
Not for: deciding alone; evidence in court by itself; people under 18; anything but faces.

It has learned face swaps and kindred synthesis of the years before 2020. It does **not** see
talking heads animated from one picture (on such clips its backbone was at chance), nor wholly
generated videos, nor changed voices. `real` means "none of what it knows was found".

## Where it comes from

{data}

Licence: {record.licence}.
Made by `{record.command}`.

- The backbone (EfficientNet-Lite0, {record.preprocessing.size} px) stays as it was trained on
  single face images; what each frame says alone is that training's own classifier.
- The head was fitted on pseudo-sequences: views of one image, degraded alike, some of them spoilt.
  So it learned which frames to trust, not how a forgery flickers: the data holds one image a video.
- Crop: a square around the 468 landmarks, {record.preprocessing.crop.side:.2f} times their hull.

## How good it is

The ranking was measured, and the thresholds chosen, on {chosen[measured_on]}: {chosen[videos]}
videos. The errors of the thresholds were measured on {thresholds.measured_on}:
{thresholds.videos} videos.
Platt scaling with both labels weighing the same: 0.5 means that the evidence is even.

| | |
|---|---|
| AUC of the head | {head} |
| AUC of the plain mean over the frames | {mean} |
| AUC of one frame | {one} |
| Balanced accuracy at 0.5 | {judged[balanced_accuracy_at_half]:.3f} |
| Expected calibration error | {judged[calibration_error]:.3f} |
| `fake` from {thresholds.fake:.3f}: reals called fake | {false_positives} |
| `real` up to {thresholds.real:.3f}: fakes called real | {false_negatives} |
| Inconclusive | {thresholds.inconclusive_rate:.1%} |
| The same two where the thresholds were chosen | {chosen_errors} |

Intervals are 95 %: AUCs by bootstrap over actors, rates by Wilson. Real videos differ from these
images in camera, compression and people: expect it to be worse there.
"""


def write_card(record: DetectorRecord) -> str:
    """The card as Markdown, figures from the record."""
    thresholds, judged = record.thresholds, record.metrics["judged_on"]
    chosen = record.metrics["thresholds_where_chosen"]
    return CARD.format(
        record=record,
        thresholds=thresholds,
        judged=judged,
        data="\n".join(f"- {line}." for line in record.data),
        head=_area(judged["head"]),
        mean=_area(judged["mean_of_frames"]),
        one=_area(judged["one_frame"]),
        false_positives=_rate(thresholds.false_positive_rate, thresholds.false_positive_interval),
        false_negatives=_rate(thresholds.false_negative_rate, thresholds.false_negative_interval),
        chosen=chosen,
        chosen_errors=f"{chosen['false_positive_rate']:.1%}, {chosen['false_negative_rate']:.1%}",
    )


def _area(measured: Any) -> str:
    low, high = measured["interval"]
    return f"{measured['auc']:.3f} ({low:.3f} to {high:.3f})"


def _rate(rate: float, interval: Sequence[float]) -> str:
    return f"{rate:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"
