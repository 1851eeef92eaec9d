"""The certificate authority of one start of the master: by it workers know each other, and nobody else.

All of it is in memory, and gone with the process: whatever a worker keeps is of no use in another run.
"""

from __future__ import annotations

import datetime
import threading
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from worker_agent.protocol.artefacts.peering import Peering, certificate_name

_FROM = datetime.datetime(1950, 1, 1, tzinfo=datetime.timezone.utc)
"""The first that X.509 can say: machines without a clock of their own begin with 1970."""
_UNTIL = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)
"""RFC 5280, 4.1.2.5: no end.  The keys end with the process, and the clocks of workers may be years apart."""
_AUTHORITY = "twophase run"


@dataclass
class RunAuthority:
    """Says who is who among the workers of a run.  Any thread may ask it."""

    _key: EllipticCurvePrivateKey = field(
        default_factory=lambda: generate_private_key(SECP256R1()), repr=False
    )
    _said: dict[str, Peering] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._certificate = _signed(
            *(_named(_AUTHORITY), self._key, self._key),
            [
                (x509.BasicConstraints(ca=True, path_length=0), True),
                (_usage(signs_certificates=True), True),
                (x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False),
            ],
        )

    def peering(self, worker: str) -> Peering:
        """Return what a worker is to be told: the same for as long as this process lives."""
        with self._lock:
            if worker not in self._said:
                self._said[worker] = self._make(worker)
            return self._said[worker]

    def _make(self, worker: str) -> Peering:
        key = generate_private_key(SECP256R1())
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        name = x509.UniformResourceIdentifier(certificate_name(worker))
        certificate = _signed(
            *(_named("twophase worker"), key, self._key),
            [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_usage(signs_certificates=False), True),
                (x509.ExtendedKeyUsage(purposes), False),
                (x509.SubjectAlternativeName([name]), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
            ],
        )
        return Peering(_text(self._certificate), _text(certificate), _secret_text(key))


def _signed(
    subject: x509.Name,
    key: EllipticCurvePrivateKey,
    authority: EllipticCurvePrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    """Return a certificate of a key; each extension with whether who does not know it must refuse."""
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=_named(_AUTHORITY))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_FROM).not_valid_after(_UNTIL)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(authority, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _secret_text(key: EllipticCurvePrivateKey) -> str:
    how = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*how).decode()
