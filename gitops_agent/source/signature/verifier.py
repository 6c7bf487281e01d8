"""Judges signatures by the trust of one Secret.

A verdict is about the moment at which the agent first sees a commit. What was good then stays good when the key merely expires:
otherwise a key that expires on a Saturday night would stop repairs. A key that was taken out or revoked since then counts no
more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.errors import SourceError
from gitops_agent.private_directory import private_directory
from gitops_agent.source.signature import openpgp, ssh
from gitops_agent.source.signature.object import SignedObject
from gitops_agent.source.signature.signers import KeySet, Signers
from gitops_agent.source.signature.verdict import Flaw, SignatureKind, Verdict, printable

PREFIX = "gitops-agent-signature-"
_PGP, _SSH = b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----"
_X509 = b"-----BEGIN SIGNED MESSAGE-----"


class Verifier:
    """Judges signed objects; thread-safe.

    Args:
        signers: whom the Secret trusts.
        committer: the signer has to be the committer, by mail address.
        now: aware, UTC.
    """

    def __init__(
        self, signers: Signers, *, committer: bool = False, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._signers, self._committer, self._now = signers, committer, now
        self._programs = threading.BoundedSemaphore(4)

    @property
    def digest(self) -> str:
        """Of everything a verdict depends on besides the object."""
        return f"{self._signers.digest}{'+committer' if self._committer else ''}"

    def judge(self, signed: SignedObject, *, address: str = "", before: Verdict | None = None) -> Verdict:
        """The verdict on a signature.

        Args:
            signed: the object.
            address: of the committer.
            before: an earlier good verdict on this object by this Secret.

        Raises:
            ProcessError: a program is missing or failed; says nothing about the signature.
        """
        now = self._now()
        if not signed.signature.strip():
            return Verdict(flaw=Flaw.NOT_SIGNED, text="is not signed", at=now)
        with self._programs, private_directory(PREFIX) as directory:
            verdict = self._by(self._signers.people, signed, now, address, directory)
            if verdict.flaw is Flaw.UNKNOWN_SIGNER and self._signers.forge:
                forge = self._by(self._signers.forge, signed, now, "", directory)
                if forge.flaw is not Flaw.UNKNOWN_SIGNER:
                    verdict = Verdict(
                        flaw=forge.flaw,
                        text=forge.text,
                        signer=forge.signer,
                        key=forge.key,
                        kind=forge.kind,
                        forge=True,
                        at=now,
                    )
            if (
                before is not None
                and before.good
                and verdict.key == before.key
                and self._merely_expired(verdict, signed, before, directory)
            ):
                return before
        return verdict

    def _merely_expired(self, verdict: Verdict, signed: SignedObject, before: Verdict, directory: Path) -> bool:
        """Whether what was good before is still trusted, but for the date."""
        if verdict.kind is not SignatureKind.SSH:
            return verdict.flaw is Flaw.EXPIRED
        if verdict.flaw not in (Flaw.EXPIRED, Flaw.UNKNOWN_SIGNER):
            return False
        keys = self._signers.forge if before.forge else self._signers.people
        trust = ssh.SshTrust(signers=keys.signers, allowed=keys.allowed, revoked=self._signers.revoked, now=before.at)
        return ssh.verify(signed.signature, signed.payload, trust, directory).flaw is None

    @staticmethod
    def _is(address: str, signed: SignedObject, trust: ssh.SshTrust, directory: Path) -> bool:
        return bool(address) and ssh.accepts(signed.signature, signed.payload, trust, address, directory)

    def _by(self, keys: KeySet, signed: SignedObject, now: datetime, address: str, directory: Path) -> Verdict:
        begin = signed.signature.lstrip()
        if begin.startswith(_PGP):
            return self._openpgp(keys, signed, now, address, directory)
        if begin.startswith(_SSH):
            return self._ssh(keys, signed, now, address, directory)
        if begin.startswith(_X509):
            text = "carries an X.509 signature (such as gitsign's), which is not supported: sign it with OpenPGP or SSH"
            return Verdict(flaw=Flaw.UNSUPPORTED, text=text, at=now)
        return Verdict(flaw=Flaw.MALFORMED, text="carries a signature that cannot be read", at=now)

    def _openpgp(self, keys: KeySet, signed: SignedObject, now: datetime, address: str, directory: Path) -> Verdict:
        result = openpgp.verify(signed.signature, signed.payload, keys.ring, directory)
        text = result.text
        if result.flaw is Flaw.EXPIRED:
            text += f" (this commit was first seen on {now:%Y-%m-%d})"
        flaw = result.flaw
        if flaw is None and self._committer and keys is self._signers.people:
            users = next((each.users for each in keys.certificates if each.fingerprint == result.key), (result.user,))
            if address.lower() not in {_mail(user) for user in users}:
                flaw, text = Flaw.OTHER_IDENTITY, _other(result.user, address)
        return Verdict(flaw=flaw, text=text, signer=result.user, key=result.key, kind=SignatureKind.OPENPGP, at=now)

    def _ssh(self, keys: KeySet, signed: SignedObject, now: datetime, address: str, directory: Path) -> Verdict:
        trust = ssh.SshTrust(signers=keys.signers, allowed=keys.allowed, revoked=self._signers.revoked, now=now)
        result = ssh.verify(signed.signature, signed.payload, trust, directory)
        flaw, text, signer = result.flaw, result.text, ", ".join(result.principals)
        if (
            flaw is None
            and self._committer
            and keys is self._signers.people
            and not self._is(address, signed, trust, directory)
        ):
            flaw, text = Flaw.OTHER_IDENTITY, _other(signer, address)
        return Verdict(flaw=flaw, text=text, signer=printable(signer), key=result.key, kind=SignatureKind.SSH, at=now)


def malformed(error: SourceError, now: datetime) -> Verdict:
    """The verdict on an object that cannot be split."""
    return Verdict(flaw=Flaw.MALFORMED, text=f"{error} (SignatureMalformed)", at=now)


def _other(signer: str, address: str) -> str:
    return f"is signed by {printable(signer)}, who is not its committer {printable(address) or 'without an address'}"


def _mail(user: str) -> str:
    """The address of a user ID such as `Ada <ada@example.com>`."""
    return (user.rpartition("<")[2].partition(">")[0] if "<" in user else user).strip().lower()
