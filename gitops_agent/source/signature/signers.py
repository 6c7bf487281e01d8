"""Trust store of an Application: the keys of one Secret.

Nothing but the Secret names a key: no file of the machine, no key server, nothing in the repository. A Secret in which anything
is damaged trusts no key at all, because half of a trust store is not the one that was meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.allowed_signers import AllowedSigner, allowed_signers, key_of
from gitops_agent.source.signature.certificate import Certificate, binary, certificates
from gitops_agent.source.signature.scopes import Scopes

_RINGS = (".asc", ".pgp")
_FORGE_RINGS, _FORGE_SIGNERS = ("forge.asc", "forge.pgp"), "forge_signers"
_ALLOWED, _REVOKED, _FLUX_KEY, _SCOPES = "allowed_signers", "revoked_keys", ".sshpub", "scopes.yaml"
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """Keys that are trusted alike.

    Attributes:
        ring: OpenPGP certificates, binary.
        signers: of SSH, as an `allowed_signers` file.
        certificates: what the ring holds.
        allowed: what the file holds.
    """

    ring: bytes = b""
    signers: bytes = b""
    certificates: tuple[Certificate, ...] = ()
    allowed: tuple[AllowedSigner, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.certificates or self.allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signers:
    """Everything one Secret trusts.

    Attributes:
        people: keys of those who sign.
        forge: keys with which a forge signs what it makes itself, such as merges.
        revoked: a list of revoked keys of SSH, or a KRL; empty for none.
        scopes: what single keys may change.
        digest: of all of it.
        ignored: keys of the Secret that mean nothing.
    """

    people: KeySet = field(default_factory=KeySet)
    forge: KeySet = field(default_factory=KeySet)
    revoked: bytes = b""
    scopes: Scopes = field(default_factory=Scopes)
    digest: str = ""
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, bytes], *, name: str) -> Signers:
        """The signers of a Secret.

        Args:
            data: decoded.
            name: of the Secret, for errors.

        Raises:
            SourceError: reason `SecretInvalid`, naming the key and the line.
        """
        people, forge, ignored, scopes = _Collected(), _Collected(), [], Scopes()
        for key, content in sorted(data.items()):
            try:
                if key in _FORGE_RINGS or key == _FORGE_SIGNERS:
                    forge.add(key, content)
                elif key.endswith(_RINGS) or key == _ALLOWED or key.endswith(_FLUX_KEY):
                    people.add(key, content)
                elif key == _SCOPES:
                    scopes = Scopes.read(content)
                elif key != _REVOKED:
                    ignored.append(key)
            except ValueError as error:
                raise SourceError(f"{name}: {key} {error}", reason="SecretInvalid", key=key) from error
        parts = (people.key_set, forge.key_set)
        if not parts[0]:
            text = f"{name}: it holds no key of a signer (*.asc, *.pgp, allowed_signers or *.sshpub)"
            raise SourceError(text, reason="SecretInvalid")
        revoked = data.get(_REVOKED, b"")
        digest = hashlib.sha256()
        for part in (*(each for keys in parts for each in (keys.ring, keys.signers)), revoked, data.get(_SCOPES, b"")):
            digest.update(len(part).to_bytes(8, "big") + part)
        return cls(
            people=parts[0],
            forge=parts[1],
            revoked=revoked,
            scopes=scopes,
            digest=digest.hexdigest(),
            ignored=tuple(ignored),
        )


class _Collected:
    """The keys of several files."""

    def __init__(self) -> None:
        self._ring, self._lines = b"", b""
        self._certificates: list[Certificate] = []
        self._allowed: list[AllowedSigner] = []

    def add(self, key: str, content: bytes) -> None:
        """Adds a file of the Secret.

        Raises:
            ValueError: it is damaged.
        """
        if len(content) > _LARGEST:
            raise ValueError(f"has {len(content)} bytes, more than the {_LARGEST} allowed")
        if key.endswith(_RINGS):
            ring = binary(content)
            self._certificates += certificates(ring)
            self._ring += ring
            return
        text = content.decode()
        if key.endswith(_FLUX_KEY):
            keys = (key_of(line) for line in text.splitlines() if line.strip() and not line.startswith("#"))
            text = "".join(f'* namespaces="git" {kind} {data}\n' for kind, data in keys)
        self._allowed += allowed_signers(text)
        self._lines += text.encode().rstrip(b"\n") + b"\n"

    @property
    def key_set(self) -> KeySet:
        """What was added."""
        return KeySet(
            ring=self._ring, signers=self._lines, certificates=tuple(self._certificates), allowed=tuple(self._allowed)
        )
