"""Whether a video judged again comes out as its record says."""

from collections.abc import Iterator
from dataclasses import dataclass

from .schema import FaceScores, VerifiableRecord

TOLERANCE = 0.005  # of a probability or a score, absolute, for one set of library versions


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was compared. `fault` is empty when it came out the same."""

    what: str
    same: str
    fault: str = ""


def compare(then: VerifiableRecord, now: VerifiableRecord) -> Iterator[Difference]:
    """Compare decision, probability, thresholds and faces."""
    yield _decision(then, now)
    yield _probability(then, now)
    yield _thresholds(then, now)
    yield _faces(then, now)


def other_versions(then: VerifiableRecord, now: VerifiableRecord) -> list[str]:
    """The software that is not what it was, in words."""
    names = sorted(then["software"].keys() | now["software"].keys())
    return [
        f"{name} {then['software'].get(name, 'none')} then, {now['software'].get(name, 'none')} now"
        for name in names
        if then["software"].get(name) != now["software"].get(name)
    ]


def _decision(then: VerifiableRecord, now: VerifiableRecord) -> Difference:
    said, found = (_in_words(record) for record in (then, now))
    fault = "" if said == found else f"the record says {said}, the chain run again says {found}"
    return Difference("decision", f"{found}, as recorded", fault)


def _in_words(record: VerifiableRecord) -> str:
    return record["decision"] + (f" ({record['reason']})" if record["reason"] else "")


def _probability(then: VerifiableRecord, now: VerifiableRecord) -> Difference:
    if then["probability"] is None or now["probability"] is None:
        fault = f"recorded {then['probability']}, now {now['probability']}"
        is_same = then["probability"] is now["probability"]
        return Difference("probability", "none, as recorded", "" if is_same else fault)
    off = abs(then["probability"] - now["probability"])
    told = f"{now['probability']:.4f}, recorded {then['probability']:.4f}: {off:.4f} apart"
    told += f" ({TOLERANCE:g} is allowed)"
    return Difference("probability", told, told if _is_off(off) else "")


def _thresholds(then: VerifiableRecord, now: VerifiableRecord) -> Difference:
    names = sorted(then["thresholds"].keys() | now["thresholds"].keys())
    other = [name for name in names if then["thresholds"].get(name) != now["thresholds"].get(name)]
    fault = f"not those of the detector: {', '.join(other)}" if other else ""
    return Difference("thresholds", "those of the detector, with its error rates", fault)


def _faces(then: VerifiableRecord, now: VerifiableRecord) -> Difference:
    recorded = {face["track"]: face for face in then["faces"]}
    found = {face["track"]: face for face in now["faces"]}
    if len(then["faces"]) != len(now["faces"]) or recorded.keys() != found.keys():
        fault = f"{_people(len(then['faces']))} recorded, {_people(len(now['faces']))} found now"
        return Difference("faces", "", fault)
    faults = [fault for track in recorded if (fault := _face(recorded[track], found[track]))]
    frames = sum(len(face["frames"]) for face in now["faces"])
    same = (
        f"{_people(len(found))} in {frames} frames: same places, same scores (within {TOLERANCE:g})"
    )
    return Difference("faces", same, "; ".join(faults))


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _face(then: FaceScores, now: FaceScores) -> str:
    who = f"person {then['track']}"
    if _places(then) != _places(now):
        return f"{who} is recorded at other times or places than found now"
    if _is_off(abs(then["probability"] - now["probability"])):
        return f"{who}: recorded {then['probability']:.4f}, now {now['probability']:.4f}"
    for recorded, found in zip(then["frames"], now["frames"], strict=True):
        if _is_off(abs(recorded["score"] - found["score"])):
            return (
                f"{who} at {found['t']:g} s: score recorded {recorded['score']:.4f}, "
                f"now {found['score']:.4f}"
            )
    return ""


def _places(face: FaceScores) -> list[tuple[float, list[int]]]:
    return [(frame["t"], frame["box"]) for frame in face["frames"]]


def _is_off(difference: float) -> bool:
    return not difference <= TOLERANCE  # a NaN is off
