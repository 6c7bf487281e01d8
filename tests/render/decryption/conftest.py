from __future__ import annotations

from pathlib import Path

import pytest

from tests.render.decryption.sops import Sops


@pytest.fixture
def sops(tmp_path: Path) -> Sops:
    """The real sops with an identity of its own."""
    return Sops(folder=tmp_path)
