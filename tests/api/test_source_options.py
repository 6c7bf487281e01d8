from __future__ import annotations

import pytest
from pydantic import ValidationError

from gitops_agent.api.source_options import RefSpec, SecretRef, SourceSpec


@pytest.mark.parametrize("kind", ["branch", "tag", "semver"])
def test_a_reference_knows_its_kind_and_value(kind: str) -> None:
    ref = RefSpec.model_validate({kind: "v1"})

    assert (ref.kind, ref.value) == (kind, "v1")


def test_credentials_go_over_plain_http_to_this_machine_only() -> None:
    ref, secret = RefSpec(branch="main"), SecretRef(name="git")

    assert SourceSpec(repo_url="http://localhost:3000/x", ref=ref, secret_ref=secret).secret_ref == secret
    with pytest.raises(ValidationError, match="use https"):
        SourceSpec(repo_url="http://localhost.example.com/x", ref=ref, secret_ref=secret)
    with pytest.raises(ValidationError, match="use https"):
        SourceSpec(repo_url="http://evil.example.com/@localhost/", ref=ref, secret_ref=secret)
