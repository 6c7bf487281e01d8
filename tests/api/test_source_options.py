from __future__ import annotations

import pytest
from pydantic import ValidationError

from gitops_agent.api.source_options import RefSpec, SourceSpec


@pytest.mark.parametrize("kind", ["branch", "tag", "semver"])
def test_a_reference_knows_its_kind_and_value(kind: str) -> None:
    ref = RefSpec.model_validate({kind: "v1"})

    assert (ref.kind, ref.value) == (kind, "v1")


@pytest.mark.parametrize("url", ["http://git.example.com/x", "http://localhost:3000/x"])
def test_plain_http_is_refused_where_it_is_written(url: str) -> None:
    with pytest.raises(ValidationError, match=r"repoURL is plain http, .*: use https or ssh"):
        SourceSpec(repo_url=url, ref=RefSpec(branch="main"))
