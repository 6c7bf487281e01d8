"""Keys made for a test run, and what they sign."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C", "TZ": "UTC"}

_FINGERPRINT = "fpr"  # codespell:ignore fpr


class GpgHome:
    """A home of gpg, with as many keys as its tests make."""

    def __init__(self, directory: Path) -> None:
        if shutil.which("gpg") is None or shutil.which("gpgv") is None:
            pytest.skip("gpg and gpgv are not installed here: OpenPGP keys cannot be made")
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.run("--list-keys")

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[GpgHome]:
        """A home in a short path, for it holds a socket."""
        with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as folder:
            home = cls(Path(folder) / "home")
            try:
                yield home
            finally:
                home.close()

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        words = ("gpg", "--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback", *arguments)
        environment = _ENVIRONMENT | {"GNUPGHOME": str(self.directory)}
        return subprocess.run(words, input=stdin, check=True, capture_output=True, env=environment).stdout

    def key(self, address: str, *, algorithm: str = "ed25519", expires: str = "never", at: str = "") -> str:
        """A new key; its fingerprint."""
        then = ("--faked-system-time", at) if at else ()
        self.run(*then, "--quick-generate-key", f"Ada <{address}>", algorithm, "sign", expires)
        return self.fingerprints(address)[0]

    def subkey(self, fingerprint: str) -> str:
        self.run("--quick-add-key", fingerprint, "ed25519", "sign", "never")
        return self.fingerprints(fingerprint)[-1]

    def fingerprints(self, name: str) -> list[str]:
        listed = self.run("--list-keys", "--with-colons", name).decode()
        return [line.split(":")[9] for line in listed.splitlines() if line.split(":")[0] == _FINGERPRINT]

    def revoke(self, fingerprint: str) -> None:
        text = (self.directory / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self.run("--import", stdin=re.sub(r"^:(?=-----)", "", text, flags=re.MULTILINE).encode())

    def export(self, *names: str, armor: bool = True) -> bytes:
        return self.run(*(["--armor"] if armor else []), "--export", *names)

    def sign(self, payload: bytes, *users: str, options: tuple[str, ...] = ()) -> bytes:
        signers = [word for user in users for word in ("--local-user", user)]
        return self.run("--armor", *options, *signers, "--detach-sign", stdin=payload)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--kill", "all"], check=False, env=_ENVIRONMENT | {"GNUPGHOME": str(self.directory)})


class SshKey:
    """A key of SSH in a folder."""

    def __init__(self, folder: Path, name: str, *, type_: str = "ed25519", bits: int = 0) -> None:
        self.path = folder / name
        size = ("-b", str(bits)) if bits else ()
        keygen("-q", "-t", type_, *size, "-N", "", "-C", name, "-f", str(self.path))

    @property
    def public(self) -> str:
        return " ".join((self.path.parent / f"{self.path.name}.pub").read_text().split()[:2])

    @property
    def fingerprint(self) -> str:
        return keygen("-l", "-f", f"{self.path}.pub").split()[1]

    def certificate(self, authority: SshKey, principal: str, validity: str = "-1d:+1d") -> Path:
        """Signs this key by an authority."""
        options = ("-I", "an id", "-n", principal, "-V", validity)
        keygen("-q", "-s", str(authority.path), *options, f"{self.path}.pub")
        return self.path.parent / f"{self.path.name}-cert.pub"

    def sign(self, payload: bytes, *, namespace: str = "git", certificate: Path | None = None) -> bytes:
        scratch = self.path.parent / f"{self.path.name}.payload"
        scratch.write_bytes(payload)
        signature = scratch.parent / f"{scratch.name}.sig"
        signature.unlink(missing_ok=True)
        keygen("-q", "-Y", "sign", "-n", namespace, "-f", str(certificate or self.path), str(scratch))
        return signature.read_bytes()


def keygen(*arguments: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *arguments], check=True, capture_output=True, env=_ENVIRONMENT, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode().strip()


def signed_commit(unsigned: bytes, signature: bytes, *, header: bytes = b"gpgsig") -> bytes:
    """A commit object with a signature, as Git writes it."""
    headers, _, message = unsigned.partition(b"\n\n")
    lines = signature.rstrip(b"\n").split(b"\n")
    return headers + b"\n" + header + b" " + b"\n ".join(lines) + b"\n\n" + message


def allowed(signers: Mapping[str, SshKey], options: str = 'namespaces="git"') -> bytes:
    """An allowed_signers file."""
    return "".join(f"{who} {options} {key.public}\n".replace("  ", " ") for who, key in signers.items()).encode()
