"""A certificate authority of the tests' own, and a signer of videos below it."""

import datetime as dt
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)
MEDIA_TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".avi": "video/avi"}
CREATED = {
    "action": "c2pa.created",
    "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
}


class Authority:
    """Signs certificates. `anchor` is its own, in PEM."""

    def __init__(self, name: str = "Test Root") -> None:
        self._name, self._key = name, ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._issue(name, self._key, authority=True)
        self.anchor = _pem(self._certificate)

    def signer(self, name: str, revocations: str | None = None) -> c2pa.Signer:
        """Somebody whom it vouches for; `revocations` is where to ask whether it still does."""
        key = ec.generate_private_key(ec.SECP256R1())
        chain = _pem(self._issue(name, key, revocations=revocations)) + self.anchor
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, chain.encode(), private, None)
        return c2pa.Signer.from_info(info)

    def _issue(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        revocations: str | None = None,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        public, issuer = key.public_key(), self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(self._name))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
            .add_extension(_usage(authority), critical=True)
        )
        if not authority:
            mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(mail, critical=False)
        if revocations:
            place = x509.UniformResourceIdentifier(revocations)
            ask = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([ask]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def sign(
    source: Path,
    target: Path,
    signer: c2pa.Signer,
    *,
    generator: str = "Test Desk",
    remote: str | None = None,
) -> Path:
    """A signed copy of a video; with `remote` it only names the address of its manifest."""
    manifest = {
        "claim_generator_info": [{"name": generator, "version": "1.0"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [CREATED]}}],
    }
    quiet = {"verify": {"verify_after_sign": False, "ocsp_fetch": False}}
    builder = c2pa.Builder(manifest, c2pa.Context.from_dict(quiet))
    if remote:
        builder.set_no_embed()
        builder.set_remote_url(remote)
    with source.open("rb") as old, target.open("w+b") as new:
        builder.sign(signer, MEDIA_TYPES[source.suffix], old, new)
    return target


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Newsroom"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
