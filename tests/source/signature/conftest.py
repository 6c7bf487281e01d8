"""Keys of OpenPGP and SSH, made once a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source.signature.keys import GpgHome, SshKey


@pytest.fixture(scope="session")
def gpg() -> Iterator[GpgHome]:
    """A home of gpg."""
    with GpgHome.temporary() as home:
        yield home


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
