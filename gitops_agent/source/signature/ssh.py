"""SSH signatures, judged by ssh-keygen.

Git hands it the committer's date, so a retired key that backdates a commit is good there. Here the moment always comes from the
agent's clock. Both files of trust are always given, an absent one is empty, so no file of the machine counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent import process
from gitops_agent.source.signature.allowed_signers import AllowedSigner
from gitops_agent.source.signature.verdict import Flaw, printable

PROGRAM = "ssh-keygen"
_GOOD = re.compile(r'Good "git" signature (?:for (?P<who>.*) )?with \S+ key (?P<key>SHA256:[A-Za-z0-9+/]{43})')
_MOST_PRINCIPALS = 16
_LIMITS = process.Limits(seconds=20.0, output_bytes=1024 * 1024, memory_bytes=256 * 1024 * 1024)
_RESULTS = frozenset({0, 255})


@dataclass(frozen=True, slots=True, kw_only=True)
class SshTrust:
    """Who is trusted, at which moment.

    Attributes:
        signers: an `allowed_signers` file.
        allowed: what it holds.
        revoked: a KRL or a list of keys; empty for none.
        now: aware.
    """

    signers: bytes
    allowed: tuple[AllowedSigner, ...]
    revoked: bytes
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SshResult:
    """What ssh-keygen makes of a signature.

    Attributes:
        flaw: why it does not count; None when it does.
        text: completes "COMMIT …"; empty when it counts.
        principals: for which the key counts.
        key: `SHA256:…` of the key; empty when the signature cannot be read.
    """

    flaw: Flaw | None = None
    text: str = ""
    principals: tuple[str, ...] = ()
    key: str = ""


def verify(signature: bytes, payload: bytes, trust: SshTrust, directory: Path) -> SshResult:
    """Judges a signature at the moment of the trust.

    Args:
        signature: armored.
        payload: what was signed.
        trust: see `SshTrust`.
        directory: private.

    Raises:
        ProcessError: ssh-keygen could not be run.
    """
    call = _Call(signature, payload, trust, directory)
    matched = call.principals()
    good = [(principal, key) for principal in matched if (key := call.verified(principal))]
    if good:
        return SshResult(principals=tuple(principal for principal, _ in good), key=good[0][1])
    return _refused(call, matched, trust)


def accepts(signature: bytes, payload: bytes, trust: SshTrust, principal: str, directory: Path) -> bool:
    """Whether a signature counts for one principal, such as a mail address."""
    return bool(_Call(signature, payload, trust, directory).verified(principal))


def _refused(call: _Call, matched: tuple[str, ...], trust: SshTrust) -> SshResult:
    """Why a signature does not count."""
    key = call.unchecked()
    if not key:
        return SshResult(flaw=Flaw.BAD, text="carries an SSH signature that does not fit its content, or is not one for Git")
    if matched and trust.revoked and any(call.verified(principal, revoked=False) for principal in matched):
        return SshResult(flaw=Flaw.REVOKED, text=f"is signed by a revoked key {key}", principals=matched, key=key)
    for signer in trust.allowed:
        if signer.fingerprint == key and not signer.authority:
            return _of_line(signer, key, trust.now)
    text = f"is signed by SSH key {key}, which is not a trusted signer"
    if any(signer.authority for signer in trust.allowed):
        text += ", nor is its certificate valid now"
    return SshResult(flaw=Flaw.UNKNOWN_SIGNER, text=text, key=key)


def _of_line(signer: AllowedSigner, key: str, now: datetime) -> SshResult:
    who = (printable(signer.principals),)
    listing = f"is signed by {key}, which allowed_signers lists for {who[0]}"
    if signer.valid_before is not None and now >= signer.valid_before:
        text = f"{listing} only until {signer.valid_before:%Y-%m-%d}"
        return SshResult(flaw=Flaw.EXPIRED, text=text, principals=who, key=key)
    if signer.valid_after is not None and now < signer.valid_after:
        text = f"{listing} only from {signer.valid_after:%Y-%m-%d} on"
        return SshResult(flaw=Flaw.UNKNOWN_SIGNER, text=text, principals=who, key=key)
    if not signer.for_git:
        text = f"{listing}, but not for signatures of Git (namespaces)"
        return SshResult(flaw=Flaw.UNKNOWN_SIGNER, text=text, principals=who, key=key)
    return SshResult(flaw=Flaw.BAD, text=f"{listing}, but its signature is not valid", principals=who, key=key)


class _Call:
    """One signature in files, for the calls of ssh-keygen about it."""

    def __init__(self, signature: bytes, payload: bytes, trust: SshTrust, directory: Path) -> None:
        self._payload, self._directory = payload, directory
        self._signature, self._signers, self._revoked = (directory / name for name in ("ssh.sig", "signers", "revoked"))
        self._time = f"-Overify-time={trust.now.astimezone(UTC):%Y%m%d%H%M%S}"
        self._signature.write_bytes(signature)
        self._signers.write_bytes(trust.signers)
        self._revoked.write_bytes(trust.revoked)

    def principals(self) -> tuple[str, ...]:
        """The principals for whom the key of the signature is listed now."""
        options = ("-f", str(self._signers), self._time)
        answer = self._run("find-principals", *options, stdin=b"")
        lines = [line.strip() for line in answer.stdout.decode("utf-8", "replace").splitlines()]
        return tuple(line for line in lines if line)[:_MOST_PRINCIPALS] if answer.returncode == 0 else ()

    def verified(self, principal: str, *, revoked: bool = True) -> str:
        """The key when the signature counts for a principal; else empty."""
        if principal.startswith("-"):
            return ""
        options = ("-n", "git", "-I", principal, "-f", str(self._signers), self._time)
        answer = self._run("verify", *options, *(("-r", str(self._revoked)) if revoked else ()), stdin=self._payload)
        return _key(answer)

    def unchecked(self) -> str:
        """The key of a signature that fits its content, trusted or not."""
        return _key(self._run("check-novalidate", "-n", "git", stdin=self._payload))

    def _run(self, what: str, *options: str, stdin: bytes) -> process.Completed:
        return process.run(
            (PROGRAM, "-Y", what, "-s", str(self._signature), *options),
            env={"HOME": "/nonexistent", "TZ": "UTC", "LC_ALL": "C"},
            stdin=stdin,
            limits=_LIMITS,
            allowed=_RESULTS,
        )


def _key(answer: process.Completed) -> str:
    """The key of the one good signature that was reported."""
    lines = answer.stdout.decode("utf-8", "replace").splitlines()
    matches = [match for match in map(_GOOD.fullmatch, lines) if match is not None]
    return matches[0]["key"] if answer.returncode == 0 and len(matches) == 1 and len(lines) == 1 else ""
