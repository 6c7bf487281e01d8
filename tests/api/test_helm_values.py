from __future__ import annotations

import pytest
from pydantic import ValidationError

from gitops_agent.api.helm_values import CRDPolicy, ValuesSource
from gitops_agent.api.render_options import HelmOptions


def test_a_source_names_its_entry() -> None:
    source = ValuesSource.model_validate({"kind": "Secret", "name": "db"})
    assert (source.key, source.target_path, source.optional) == ("values.yaml", None, False)


@pytest.mark.parametrize(
    "change", [{"kind": "Pod"}, {"key": "a/b"}, {"targetPath": "a.b"}, {"targetPath": ""}, {"literal": True}]
)
def test_a_source_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ValuesSource.model_validate({"kind": "Secret", "name": "db", **change})


def test_the_older_field_means_the_same_as_the_policy() -> None:
    assert HelmOptions().crd_policy is CRDPolicy.APPLY
    assert HelmOptions.model_validate({"skipCRDs": True}).crd_policy is CRDPolicy.SKIP
    assert HelmOptions.model_validate({"crds": "create-only"}).crd_policy is CRDPolicy.CREATE_ONLY
    with pytest.raises(ValidationError, match="skipCRDs says skip"):
        HelmOptions.model_validate({"skipCRDs": True, "crds": "apply"})
