"""How things are written for people: times, sizes, verdicts."""

from collections.abc import Mapping
from typing import Any

from ..daemon.names import printable

DECISIONS = {
    "fake": "signs of manipulation",
    "real": "no signs of manipulation found",
    "inconclusive": "inconclusive",
    "not_analysable": "could not be examined",
}


def percent(rate: float) -> str:
    """A rate of 0..1 as a percentage with one digit."""
    return f"{100 * rate:.1f} %"


def verdict(record: Mapping[str, Any]) -> str:
    """A verdict in a few lines, with how often such a verdict is wrong."""
    lines = [f"{printable(record['input']['name'])}: {DECISIONS[record['decision']]}"]
    if record["decision"] == "not_analysable":
        lines.append(f"  {record['reason']}: {printable(record['detail'] or '')}")
        return "\n".join([*lines, *_examined(record)])
    limits = record["thresholds"]
    lines += [
        f"  decision     {record['decision']}",
        f"  probability  {record['probability']:.3f} of fake "
        f"(fake from {limits['fake']:.3f}, real up to {limits['real']:.3f})",
        f"  wrong        {_rate(limits, 'false_positive')} of real videos are called fake, "
        f"{_rate(limits, 'false_negative')} of fakes are called real",
        f"               (measured on {limits['videos']} videos: {limits['measured_on']})",
        f"  faces        {_faces(record)}",
        *_examined(record),
        f"  detector     {record['detector']['name']} {record['detector']['version']}",
        f"  limits       {record['limits']}",
    ]
    if record["detail"]:
        lines.insert(2, f"  because      {printable(record['detail'])}")
    return "\n".join(lines)


def _examined(record: Mapping[str, Any]) -> list[str]:
    provenance, examination = record["provenance"], record["examination"]
    counted = f"{len(examination['traces'])} in the file" if examination else "not looked for"
    return [
        f"  provenance   {provenance['state']}: {printable(provenance['detail'])}",
        f"  traces       {counted} (a trace is no proof: docs/examination.md says what each means)",
    ]


def _rate(limits: Mapping[str, Any], what: str) -> str:
    """With its interval: no error in four videos is not no error."""
    low, high = limits[f"{what}_interval"]
    return f"{percent(limits[f'{what}_rate'])} ({100 * low:.1f} to {100 * high:.1f})"


def _faces(record: Mapping[str, Any]) -> str:
    parts = (
        f"person {face['track']}: {face['probability']:.3f} in {len(face['frames'])} frames"
        for face in record["faces"]
    )
    return "; ".join(parts)
