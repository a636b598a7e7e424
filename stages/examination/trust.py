"""The authorities that a user trusts to vouch for signers of provenance (`examine.trust`)."""

import ssl
from pathlib import Path

from ...storage.errors import ConfigError


def trust_anchors(setting: str) -> str | None:
    """The certificates of the file that is set, in PEM; None when none is set.

    Raises `ConfigError` when the file cannot be read or holds no certificate.
    """
    if not setting:
        return None
    try:
        text = Path(setting).expanduser().read_text(encoding="utf-8")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # SSLError is an OSError; ValueError: bad text
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"examine.trust: {setting} gives no certificates ({why}); name a PEM file of "
            "authorities, or leave it empty"
        ) from error
    return text
