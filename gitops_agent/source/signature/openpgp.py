"""OpenPGP signatures, judged by gpgv.

Its exit code is 0 for signatures of expired and revoked keys, so only its status lines count. It gets an empty home, so no
key ring of the machine counts, and it knows neither an agent nor a key server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent import process
from gitops_agent.source.signature.verdict import Flaw, printable

PROGRAM = "gpgv"
_PREFIX = "[GNUPG:] "
_LIMITS = process.Limits(seconds=20.0, output_bytes=1024 * 1024, memory_bytes=256 * 1024 * 1024)
_WEAK = ("MD5", "SHA1", "RIPEMD160")
_TROUBLE = {
    "BADSIG": (Flaw.BAD, "carries an OpenPGP signature that does not fit its content"),
    "REVKEYSIG": (Flaw.REVOKED, "is signed by a revoked key {key}"),
    "EXPKEYSIG": (Flaw.EXPIRED, "is signed by OpenPGP key {key}, which expired{when}"),
    "EXPSIG": (Flaw.EXPIRED, "carries a signature of OpenPGP key {key} that expired{when}"),
    "NODATA": (Flaw.MALFORMED, "carries an OpenPGP signature that cannot be read"),
}
_NO_KEY = "9"
"""The code of ERRSIG for a key that is not in the ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PgpResult:
    """What gpgv makes of a signature.

    Attributes:
        flaw: why it does not count; None when it does.
        text: completes "COMMIT …"; empty when it counts.
        user: the user ID.
        key: fingerprint of the primary key; that of the signing key when the ring does not have it.
    """

    flaw: Flaw | None = None
    text: str = ""
    user: str = ""
    key: str = ""


def verify(signature: bytes, payload: bytes, ring: bytes, directory: Path) -> PgpResult:
    """Judges a signature now.

    Args:
        signature: armored.
        payload: what was signed.
        ring: the trusted certificates, binary; may be empty.
        directory: private, and empty before and after.

    Raises:
        ProcessError: gpgv could not be run.
    """
    return _judged({"signature": signature, "payload": payload}, ring, directory)


def verify_clear(message: bytes, ring: bytes, directory: Path) -> tuple[PgpResult, bytes]:
    """Judges a clear-signed text now; returns what was signed as well.

    Args:
        message: the text with its signature.
        ring: see `verify`.
        directory: see `verify`.

    Raises:
        ProcessError: gpgv could not be run.
    """
    signed = directory / "signed"
    result = _judged({"message": message}, ring, directory, "--output", str(signed))
    return result, signed.read_bytes() if result.flaw is None else b""


def _judged(inputs: Mapping[str, bytes], ring: bytes, directory: Path, *options: str) -> PgpResult:
    """The result of gpgv for some files."""
    home = directory / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    for name, content in {"ring.pgp": ring, **inputs}.items():
        (directory / name).write_bytes(content)
    weak = [word for digest in _WEAK for word in ("--weak-digest", digest)]
    keys = ("--keyring", str(directory / "ring.pgp"))
    names = [str(directory / name) for name in inputs]
    answer = process.run(
        (PROGRAM, "--homedir", str(home), *weak, *keys, "--status-fd", "1", *options, "--", *names),
        env={"HOME": "/nonexistent", "GNUPGHOME": str(home), "LC_ALL": "C"},
        limits=_LIMITS,
        allowed=frozenset({0, 1, 2}),
    )
    return read(answer.stdout.decode("utf-8", "replace"))


def read(status: str) -> PgpResult:
    """The result that status lines state."""
    lines = [line[len(_PREFIX) :].split(" ") for line in status.splitlines() if line.startswith(_PREFIX)]
    by_word: dict[str, list[list[str]]] = {}
    for word, *rest in lines:
        by_word.setdefault(word, []).append(rest)
    valid = by_word.get("VALIDSIG", [])
    key = valid[0][-1] if valid else ""
    if len(by_word.get("NEWSIG", [])) > 1:
        return PgpResult(flaw=Flaw.MALFORMED, text="carries more than one OpenPGP signature", key=key)
    for word, (flaw, text) in _TROUBLE.items():
        if word in by_word:
            user = printable(" ".join(by_word[word][0][1:]))
            when = _when(by_word, signature=word == "EXPSIG")
            return PgpResult(flaw=flaw, text=text.format(key=key, when=when), user=user, key=key)
    if "ERRSIG" in by_word:
        return _error(by_word["ERRSIG"][0])
    good = by_word.get("GOODSIG", [])
    if len(good) == 1 and len(valid) == 1 and len(by_word.get("NEWSIG", [])) == 1:
        return PgpResult(user=printable(" ".join(good[0][1:])), key=key)
    return PgpResult(flaw=Flaw.MALFORMED, text="carries an OpenPGP signature that cannot be read")


def _when(by_word: dict[str, list[list[str]]], *, signature: bool) -> str:
    """The date of an end, as far as it is stated."""
    if signature:
        valid = by_word.get("VALIDSIG", [])
        seconds = valid[0][3] if valid and len(valid[0]) > 3 else ""  # noqa: PLR2004 - the position of the end
    else:
        expired = by_word.get("KEYEXPIRED", [])
        seconds = expired[-1][0] if expired and expired[-1] else ""
    return f" on {datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d}" if seconds.isdigit() and int(seconds) else ""


def _error(words: list[str]) -> PgpResult:
    code = words[5] if len(words) > 5 else ""  # noqa: PLR2004 - its position
    key = words[6] if len(words) > 6 and words[6] != "-" else words[0]  # noqa: PLR2004 - likewise
    key = printable(key)
    if code == _NO_KEY:
        return PgpResult(
            flaw=Flaw.UNKNOWN_SIGNER, text=f"is signed by OpenPGP key {key}, which is not a trusted signer", key=key
        )
    text = f"carries a signature of OpenPGP key {key} with an algorithm that is not accepted (SHA-1, or one unknown here)"
    return PgpResult(flaw=Flaw.UNSUPPORTED, text=text, key=key)
