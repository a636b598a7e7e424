"""The card: what a person should know about a detector before trusting it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...storage.detector_record import DetectorRecord, EnvelopeRecord
from ..evaluation.summary import figure_text

CARD = """# {record.name} {record.version}

{record.description}.

{verdict}

## For what, and not for what

For: pointing a person at videos of faces that may have been manipulated in the ways that the data
below shows, and at where to look.
Not for: deciding alone; evidence in court by itself; people under 18; anything but faces.

`real` means "none of what it knows was found". {blind}

## Where it comes from

{data}

Licence: {record.licence}.
Made by `{record.command}`.

- Input: {seen}, {record.preprocessing.size} px{mirrored}.
- Each frame's own score: {metrics[frame_scores_from]}.
- {metrics[balance]}

## How good it is

Measured on the test part ({metrics[split]}):
{test[videos]} videos, {test[real]} real and {test[fake]} fake, of {test[groups]} people or scenes.

| | |
|---|---|
{figures}
{baselines}
| `fake` from {thresholds.fake:.3f}: reals called fake | {false_positives} |
| `real` up to {thresholds.real:.3f}: fakes called real | {false_negatives} |
| Inconclusive | {thresholds.inconclusive_rate:.1%} |
| The two rates on the validation part, where the thresholds were chosen | {chosen_errors} |

{heading}

{envelope}

## How to read the figures

Intervals are 95 %: rates by Wilson, all else by bootstrap over groups. Other videos differ in
camera, compression and people: expect it to be worse there.
"""
ENVELOPE_HEADING = "## Which faces that holds for"
NAMES = {
    "auc": "AUC",
    "eer": "Equal error rate",
    "ap": "Average precision",
    "balanced_accuracy": "Balanced accuracy at 0.5",
    "calibration_error": "Expected calibration error",
}


def write_card(record: DetectorRecord) -> str:
    """The card as Markdown, figures from the record."""
    thresholds, metrics = record.thresholds, record.metrics
    chosen, crop = metrics["thresholds_where_chosen"], record.preprocessing.crop
    whole = crop.kind == "whole_frame"
    return CARD.format(
        heading=ENVELOPE_HEADING,
        record=record,
        metrics=metrics,
        test=metrics["test"],
        thresholds=thresholds,
        verdict=metrics["verdict"],
        blind=_blind(record),
        data="\n".join(f"- {line.rstrip('.')}." for line in record.data),
        seen="whole frames" if whole else f"faces, cut {crop.side:.2f} times their landmarks' hull",
        mirrored=", and their mirror images" if record.preprocessing.mirrored else "",
        figures=_rows(metrics["test"]["figures"]),
        baselines="\n".join(
            f"| AUC of {name} | {figure_text(found['figures']['auc'])} |"
            for name, found in metrics["baselines"].items()
        ),
        false_positives=_rate(thresholds.false_positive_rate, thresholds.false_positive_interval),
        false_negatives=_rate(thresholds.false_negative_rate, thresholds.false_negative_interval),
        envelope=envelope_text(record.envelope),
        chosen_errors=f"{chosen['false_positive_rate']:.1%}, {chosen['false_negative_rate']:.1%}",
    )


def _blind(record: DetectorRecord) -> str:
    """What can pass as real: the known kinds, else what most data sets lack."""
    if record.blind_to:
        return f"These can pass as real: {'; '.join(record.blind_to)}."
    return (
        "Kinds of manipulation that the data does not hold\n(for most data sets: talking heads "
        "made from one picture, wholly generated people, changed voices)\ncan pass as real."
    )


def envelope_text(envelope: EnvelopeRecord | None) -> str:
    """The bounds in words, as the card has them under `ENVELOPE_HEADING`."""
    if envelope is None:
        return "Nobody measured it: every face is decided by its score alone."
    known = [
        f"- {one.what}: {one.range_text} ({one.chosen})." for one in envelope.measures.values()
    ]
    unknown = [f"- No bounds: {why}." for why in envelope.unmeasured.values()]
    told = (
        "Outside of these bounds a verdict is inconclusive, whatever the score. Inside are "
        f"{envelope.within:.1%} of {envelope.videos} videos ({envelope.measured_on}). The "
        "rates above are those of the scores alone, without regard to the bounds."
    )
    return "\n".join([told, "", *known, *unknown, "", envelope.rule])


def _rows(figures: Mapping[str, Any]) -> str:
    return "\n".join(
        f"| {NAMES[name]} | {figure_text(figures[name])} |" for name in NAMES if name in figures
    )


def _rate(rate: float, interval: Sequence[float]) -> str:
    return f"{rate:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"
