"""Reading the C2PA manifest of a file with c2pa-python: a native parser, and no network.

What the manifest claims is passed on as it is; only `status` was checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import c2pa

from .container import AVI, MP4

MEDIA_TYPES = {MP4: "video/mp4", AVI: "video/avi"}  # what c2pa reads, by FFmpeg's name

# Nothing is fetched, whatever a file asks for: no manifest kept elsewhere, no list of revoked
# certificates. An empty list of hosts forbids every host, should a third way be added.
OFFLINE = {
    "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {"allowed_network_hosts": []},
}

# The parser's errors for a file whose container it can't walk, with or without a manifest.
_UNREADABLE = ("Io:", "NotSupported:", "Other: asset could not be parsed")
_ELSEWHERE = "Remote:"
# Errors that are faults of the manifest, as opposed to anything else that may go wrong.
_FAULTS = (
    "Assertion",
    "AssertionNotFound",
    "Decoding",
    "Encoding",
    "Json",
    "Manifest",
    "Other",
    "ResourceNotFound",
    "Signature",
    "Verify",
)


class Status(StrEnum):
    """What was found. The last three mean that nothing can be said."""

    TRUSTED = "trusted"  # sound, and a trusted authority vouches for the signer
    UNTRUSTED = "untrusted"  # sound, but nobody vouches for the signer
    BROKEN = "broken"  # there is a manifest, and it does not hold
    ABSENT = "absent"  # there is none
    ELSEWHERE = "elsewhere"  # the file only names an address at which it is kept
    UNREADABLE = "unreadable"  # c2pa can't walk this container


_BY_STATE = {"Trusted": Status.TRUSTED, "Valid": Status.UNTRUSTED, "Invalid": Status.BROKEN}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was found. Its texts come from the file or the parser and are not made safe.

    `faults` are C2PA's codes of the checks that failed, such as assertion.bmffHash.mismatch.
    """

    status: Status
    faults: tuple[str, ...] = ()
    claim_generator: str | None = None
    signer: str | None = None
    signed_at: str | None = None


def read_credentials(path: Path, media_type: str, anchors: str | None) -> Credentials:
    """Read and check the manifest in a file.

    Args:
        path: the file.
        media_type: one of `MEDIA_TYPES`.
        anchors: certificates of trusted authorities, in PEM; None trusts nobody. They must have
            been checked: the parser blames the file for faults in them.

    Raises OSError when the file cannot be read.
    """
    trust = {"trust": {"trust_anchors": anchors}} if anchors else {}
    with path.open("rb") as file, c2pa.Context.from_dict({**OFFLINE, **trust}) as context:
        try:
            with c2pa.Reader(media_type, file, context=context) as reader:
                return _found(reader)
        except c2pa.C2paError.ManifestNotFound:
            return Credentials(Status.ABSENT)
        except c2pa.C2paError as error:
            return _refused(error)


def _found(reader: Any) -> Credentials:
    manifest = reader.get_active_manifest() or {}
    signature = manifest.get("signature_info") or {}
    return Credentials(
        status=_BY_STATE.get(reader.get_validation_state(), Status.BROKEN),
        faults=_faults(reader.get_validation_results() or {}),
        claim_generator=_generator(manifest),
        signer=_signer(signature),
        signed_at=signature.get("time"),
    )


def _faults(results: Mapping[str, Any]) -> tuple[str, ...]:
    failures = (results.get("activeManifest") or {}).get("failure") or ()
    return tuple(str(failure.get("code")) for failure in failures)


def _generator(manifest: Mapping[str, Any]) -> str | None:
    for info in manifest.get("claim_generator_info") or ():
        return " ".join(str(info[key]) for key in ("name", "version") if info.get(key)) or None
    return manifest.get("claim_generator")


def _signer(signature: Mapping[str, Any]) -> str | None:
    name, issuer = signature.get("common_name"), signature.get("issuer")
    return f"{name} ({issuer})" if name and issuer else name or issuer


def _refused(error: Exception) -> Credentials:
    message = str(error)
    if message.startswith(_ELSEWHERE):
        return Credentials(Status.ELSEWHERE)
    kind = message.partition(":")[0]
    if message.startswith(_UNREADABLE) or kind not in _FAULTS:
        return Credentials(Status.UNREADABLE)
    return Credentials(Status.BROKEN, faults=(kind,))
