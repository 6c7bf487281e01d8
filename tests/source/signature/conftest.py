"""Keys of OpenPGP and SSH, made once a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source.signature.keys import GpgHome, SshKey


@pytest.fixture(scope="session")
def gpg() -> Iterator[GpgHome]:
    """A home of gpg in a short path: it holds a socket."""
    if shutil.which("gpg") is None or shutil.which("gpgv") is None:
        pytest.skip("gpg and gpgv are not installed here: OpenPGP keys cannot be made")
    folder = Path(tempfile.mkdtemp(prefix="gpg-"))
    home = GpgHome(folder / "home")
    yield home
    home.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for keys of SSH."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed here: keys of SSH cannot be made")
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def ada(ssh_keys: Path) -> SshKey:
    return SshKey(ssh_keys, "ada")


@pytest.fixture(scope="session")
def eve(ssh_keys: Path) -> SshKey:
    return SshKey(ssh_keys, "eve")
