"""The real sops, which makes encrypted files and judges what we decrypt."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pyrage

from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.kind import KeyMaterial

PROGRAM = Path(sys.prefix) / "bin" / "sops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sops:
    """One age identity, and a folder to work in."""

    folder: Path
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)

    @property
    def recipient(self) -> str:
        return str(self.identity.to_public())

    @property
    def agekey(self) -> bytes:
        return f"# a comment\n{self.identity}\n".encode()

    def keyring(self) -> Keyring:
        return Keyring(KeyMaterial(source="the Secret sops-keys", data={"identity.agekey": self.agekey}))

    def encrypt(self, name: str, text: str | bytes, *options: str) -> bytes:
        """The encrypted form of a file of this name, made by sops.

        Raises:
            ValueError: sops refuses it.
        """
        file = self.folder / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.run("--encrypt", "--age", self.recipient, *options, str(file))

    def by_vault(self, key: str, name: str, text: str) -> bytes:
        """A file encrypted by a key of a transit engine."""
        file = self.folder / name
        file.write_text(text)
        return self.run("--encrypt", "--hc-vault-transit", key, str(file))

    def decrypt(self, name: str, data: bytes, *options: str) -> bytes:
        """What sops decrypts a file to.

        Raises:
            ValueError: sops refuses it.
        """
        file = self.folder / name
        file.write_bytes(data)
        return self.run("--decrypt", *options, str(file))

    def run(self, *arguments: str) -> bytes:
        env = {**os.environ, "SOPS_AGE_KEY": str(self.identity), "HOME": str(self.folder), "VAULT_TOKEN": "t0ken"}
        done = subprocess.run([PROGRAM, "--config", os.devnull, *arguments], capture_output=True, env=env, check=False)
        if done.returncode:
            raise ValueError(done.stderr.decode())
        return done.stdout
