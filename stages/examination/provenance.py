"""Provenance: what the signed statement in a file (a C2PA manifest) is worth, in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...record.schema import ProvenancePart, ProvenanceState
from ...storage.text import clipped
from ..media.credentials import MEDIA_TYPES, Status, read_credentials
from .examined import unread

MAX_TEXT = 300  # characters of what the file says
SHOWN_FAULTS = 3

STATES: Mapping[Status, ProvenanceState] = {
    Status.TRUSTED: "valid",
    Status.UNTRUSTED: "untrusted",
    Status.BROKEN: "invalid",
    Status.ABSENT: "absent",
    Status.ELSEWHERE: "not_supported",
    Status.UNREADABLE: "not_supported",
}
DETAILS = {
    Status.TRUSTED: (
        "The signature holds, the file is as it was signed, and an authority in examine.trust "
        "vouches for the signer; that says who signed, not that what is shown happened."
    ),
    Status.UNTRUSTED: (
        "The signature holds and the file is as it was signed, but no authority in examine.trust "
        "vouches for the signer: anybody could have signed it under that name."
    ),
    Status.ABSENT: (
        "The file carries no manifest; absence says nothing: most real videos carry none, and one "
        "is easily removed."
    ),
    Status.ELSEWHERE: (
        "The file names a manifest that is kept on a network; nothing is fetched, so it was not "
        "checked."
    ),
    Status.UNREADABLE: "This container could not be searched for a manifest: it is damaged.",
}
UNSUPPORTED = "A manifest can't be read from a container of this kind ({}), so none was looked for."
CHANGED = "The manifest does not fit the file: it was changed after it was signed ({})."
BROKEN = "The file carries a manifest that does not hold: these checks failed: {}."
MISMATCHES = ("assertion.bmffHash.mismatch", "assertion.dataHash.mismatch")


def read_provenance(video: Path, container: str, anchors: str | None) -> ProvenancePart:
    """The provenance of a file, for the record.

    Args:
        video: the file.
        container: FFmpeg's name of its format.
        anchors: certificates of trusted authorities, in PEM; None trusts nobody.
    """
    if container not in MEDIA_TYPES:
        return unread(UNSUPPORTED.format(container))
    found = read_credentials(video, MEDIA_TYPES[container], anchors)
    return {
        "state": STATES[found.status],
        "detail": DETAILS.get(found.status) or _broken(found.faults),
        "claim_generator": _safe(found.claim_generator),
        "signed_by": _safe(found.signer),
        "signed_at": _safe(found.signed_at),
    }


def _broken(faults: Sequence[str]) -> str:
    named = clipped(", ".join(faults[:SHOWN_FAULTS]), MAX_TEXT)
    return (CHANGED if set(faults) & set(MISMATCHES) else BROKEN).format(named)


def _safe(text: str | None) -> str | None:
    return clipped(text, MAX_TEXT) if text else None
