"""
Certificates, for the tests with TLS; without pyOpenSSL these are skipped.
"""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

try:
    import service_identity as _service_identity  # noqa: F401
    from twisted.internet import ssl

    #: Why tests with TLS are skipped; None if they are not.
    skipTLS: str | None = None
except ImportError as problem:
    skipTLS = f"Twisted[tls] is not installed: {problem}"

#: The name in the certificate.
NAME = "localhost"


@cache
def certificate() -> Any:
    """
    @return: a private certificate, signed by itself.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    secret = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())
    return ssl.PrivateCertificate.loadPEM(signed.public_bytes(pem) + secret)


def serverContext(*protocols: bytes) -> Any:
    """
    @param protocols: what ALPN may agree on.
    @return: what a server starts TLS with.
    """
    key = certificate()
    return ssl.CertificateOptions(
        privateKey=key.privateKey.original,
        certificate=key.original,
        acceptableProtocols=list(protocols) or None,
    )


def clientContext(*protocols: bytes) -> Any:
    """
    @return: what a client starts TLS with that trusts nobody but the server.
    """
    root = ssl.Certificate(certificate().original)
    return ssl.optionsForClientTLS(
        NAME, trustRoot=root, acceptableProtocols=list(protocols) or None
    )


def strictContext() -> Any:
    """
    @return: what a client starts TLS with that does not trust the server.
    """
    return ssl.optionsForClientTLS(NAME)
