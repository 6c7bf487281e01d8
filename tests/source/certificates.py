"""A certificate authority for tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey
LOCAL = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


class Certificates:
    """An authority, a server certificate for localhost, and a client certificate."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = name = named("tests authority")
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        authority = x509.BasicConstraints(ca=True, path_length=None)
        built = unsigned(name, name, self._key).add_extension(authority, critical=True).add_extension(usage, critical=True)
        self._write("ca", built.sign(self._key, hashes.SHA256()), self._key)
        self._issue("server", x509.SubjectAlternativeName(LOCAL))
        self._issue("client", x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()

    def _issue(self, name: str, extension: x509.ExtensionType) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        built = unsigned(named(name), self._name, key).add_extension(extension, critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        self._write(name, built.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256()), key)

    def _write(self, name: str, certificate: x509.Certificate, key: Key) -> None:
        (self.directory / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.directory / f"{name}.key").write_bytes(pem(key))


def named(name: str) -> x509.Name:
    """A subject with a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def unsigned(subject: x509.Name, issuer: x509.Name, key: Key) -> x509.CertificateBuilder:
    """A certificate valid for one day, not signed yet."""
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def self_signed(host: str) -> bytes:
    """A self-signed certificate of a host and its key, as PEM."""
    key, name = ec.generate_private_key(ec.SECP256R1()), named(host)
    built = unsigned(name, name, key)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + pem(key)


def pem(key: Key) -> bytes:
    """A private key without a passphrase."""
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
