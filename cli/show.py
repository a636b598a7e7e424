"""How a verdict is shown on a terminal."""

from ..record.schema import EnvelopePart, StabilityPart, Verdict
from ..record.words import rate_of
from ..storage.text import printable


def verdict(record: Verdict) -> str:
    """A verdict in a few lines, with how often such a verdict is wrong."""
    lines = [f"{printable(record['input']['name'])}: {record['words']['scale']}"]
    if record["decision"] == "not_analysable":
        lines.append(f"  {record['reason']}: {printable(record['detail'] or '')}")
        return "\n".join([*lines, *_examined(record)])
    limits = record["thresholds"]
    lines += [
        f"  decision     {record['decision']}",
        f"  probability  {record['probability']:.3f} of fake "
        f"(fake from {limits['fake']:.3f}, real up to {limits['real']:.3f})",
        f"  wrong        {rate_of(limits, 'false_positive')} of real videos are called fake, "
        f"{rate_of(limits, 'false_negative')} of fakes are called real",
        f"               (measured on {limits['videos']} videos: "
        f"{printable(limits['measured_on'])})",
        f"  faces        {_faces(record)}",
        *_examined(record),
        f"  detector     {record['detector']['name']} {record['detector']['version']}",
        f"  limits       {printable(record['limits'])}",
    ]
    lines[-2:-2] = [*_envelope(record.get("envelope")), *_stability(record.get("stability"))]
    if record["detail"]:
        lines.insert(2, f"  because      {printable(record['detail'])}")
    return "\n".join(lines)


def _envelope(envelope: EnvelopePart | None) -> list[str]:
    """Nothing when the face is inside, or the detector has no bounds."""
    if envelope is None or envelope["inside"]:
        return []
    return [f"  outside      {printable(one['text'])}" for one in envelope["outside"]]


def _stability(stability: StabilityPart | None) -> list[str]:
    return [] if stability is None else [f"  looked again {printable(stability['text'])}"]


def _examined(record: Verdict) -> list[str]:
    provenance, examination = record["provenance"], record["examination"]
    counted = f"{len(examination['traces'])} in the file" if examination else "not looked for"
    return [
        f"  provenance   {provenance['state']}: {printable(provenance['detail'])}",
        f"  traces       {counted} (a trace is no proof: docs/examination.md says what each means)",
    ]


def _faces(record: Verdict) -> str:
    parts = (
        f"person {face['track']}: {face['probability']:.3f} in {len(face['frames'])} frames"
        for face in record["faces"]
    )
    return "; ".join(parts)
