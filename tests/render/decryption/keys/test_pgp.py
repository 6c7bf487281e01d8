"""Files that sops encrypted for a key of the real gpg."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.render.decryption.decryptor import decrypt
from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from tests.render.decryption.sops import PROGRAM

pytestmark = pytest.mark.slow

TEXT = "a: {password: hunter22}\n"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of gpg with two keys; short for its socket."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        for user in ("ada@example.com", "ben@example.com"):
            words = (
                "--batch",
                "--passphrase",
                "",
                "--pinentry-mode",
                "loopback",
                "--quick-generate-key",
                user,
                "default",
                "default",
            )
            gpg(Path(folder), *words)
        yield Path(folder)
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False)


def gpg(home: Path, *words: str) -> bytes:
    return subprocess.run(["gpg", "--homedir", home, *words], check=True, capture_output=True).stdout


def private(home: Path, user: str) -> bytes:
    return gpg(home, "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--armor", "--export-secret-keys", user)


@pytest.fixture
def encrypted(home: Path, tmp_path: Path) -> bytes:
    """A file for the first of the keys."""
    listed = gpg(home, "--with-colons", "--fingerprint", "ada@example.com").decode()
    fingerprint = re.findall(r"[0-9A-F]{40}", listed)[0]
    file = tmp_path / "a.yaml"
    file.write_text(TEXT)
    env = {**os.environ, "GNUPGHOME": str(home)}
    words = [str(PROGRAM), "--config", os.devnull, "--encrypt", "--pgp", fingerprint, str(file)]
    return subprocess.run(words, env=env, check=True, capture_output=True).stdout


def test_the_private_key_opens_it(home: Path, encrypted: bytes) -> None:
    keys = {"ben.asc": private(home, "ben@example.com"), "ada.asc": private(home, "ada@example.com")}
    plaintext = decrypt("a.yaml", encrypted, Keyring(KeyMaterial(source="the Secret keys", data=keys)))
    assert plaintext is not None
    assert plaintext.secrets == (("/a/password", "hunter22"),)


def test_another_key_does_not_and_the_fingerprint_is_named(home: Path, encrypted: bytes) -> None:
    keys = Keyring(KeyMaterial(source="the Secret keys", data={"ben.asc": private(home, "ben@example.com")}))
    with pytest.raises(DecryptionFailed, match=r"none of its keys \(OpenPGP key [0-9A-F]{40}\) is in the Secret keys"):
        decrypt("a.yaml", encrypted, keys)


def test_a_key_that_is_none_is_named(encrypted: bytes) -> None:
    keys = Keyring(KeyMaterial(source="the Secret keys", data={"ben.asc": b"no key"}))
    with pytest.raises(DecryptionFailed, match=r"ben\.asc is no private OpenPGP key"):
        decrypt("a.yaml", encrypted, keys)


def test_without_the_extra_it_is_named(encrypted: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    keys = Keyring(KeyMaterial(source="the Secret keys", data={"ben.asc": b"x"}))
    with pytest.raises(DecryptionFailed, match=r"install gitops-agent\[pgp\]"):
        decrypt("a.yaml", encrypted, keys)
