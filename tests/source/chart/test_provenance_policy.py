from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy

SSH = b"ada@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1u2cS3mB8p3x3Zf0sXK0sVq0Xr4v5oZ6m7a8b9c0d1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"allowed_signers": SSH}, "signers: it holds no OpenPGP key"),
        ({}, "signers: it holds no key of a signer"),
        ({"ada.asc": b"nonsense"}, "signers: ada.asc holds no OpenPGP certificate"),
    ],
    ids=["ssh", "nothing", "damaged"],
)
def test_a_secret_without_openpgp_keys_is_refused(data: dict[str, bytes], message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        ProvenancePolicy.read(data, name="signers")
    assert caught.value.reason == "SecretInvalid"
