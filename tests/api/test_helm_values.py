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


GIT = {"kind": "Git", "repoURL": "https://git.example.com/shared.git", "ref": {"tag": "v3"}, "path": "web/values.yaml"}


def test_a_file_of_another_repository_is_a_source() -> None:
    source = ValuesSource.model_validate({**GIT, "secretRef": {"name": "git"}, "targetPath": "/config", "optional": True})
    assert (source.repo_url, source.path) == (GIT["repoURL"], GIT["path"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "db"}, "name, key and exposure belong to ConfigMaps and Secrets"),
        ({"key": "other.yaml"}, "name, key and exposure belong to ConfigMaps and Secrets"),
        ({"exposure": "warn"}, "name, key and exposure belong to ConfigMaps and Secrets"),
        ({"ref": None}, "needs name, or repoURL, ref and path with kind Git"),
        ({"path": None}, "needs name, or repoURL, ref and path with kind Git"),
        ({"path": "../values.yaml"}, "stays below the root"),
        ({"repoURL": "https://ada:hunter2@git.example.com/shared.git"}, "holds a password"),
        ({"repoURL": "http://git.example.com/shared.git"}, "plain http"),
        ({"kind": "Secret", "name": "db"}, "repoURL, ref, path and secretRef to kind Git"),
    ],
)
def test_a_file_that_cannot_be_followed_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ValuesSource.model_validate({**GIT, **change})


def test_the_files_of_other_repositories_are_few() -> None:
    assert len(HelmOptions.model_validate({"valuesFrom": [GIT] * 8}).values_from) == 8
    with pytest.raises(ValidationError, match="at most 8 files of Git"):
        HelmOptions.model_validate({"valuesFrom": [GIT] * 9})


def test_the_older_field_means_the_same_as_the_policy() -> None:
    assert HelmOptions().crd_policy is CRDPolicy.APPLY
    assert HelmOptions.model_validate({"skipCRDs": True}).crd_policy is CRDPolicy.SKIP
    assert HelmOptions.model_validate({"crds": "create-only"}).crd_policy is CRDPolicy.CREATE_ONLY
    with pytest.raises(ValidationError, match="skipCRDs says skip"):
        HelmOptions.model_validate({"skipCRDs": True, "crds": "apply"})
