from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gitops_agent.api import texts


def read(kind: Any, value: str) -> str:
    result: str = TypeAdapter(kind).validate_python(value)
    return result


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (texts.Name, "a.b-c.d1"),
        (texts.NamespaceName, "gitops-system"),
        (texts.GitName, "main"),
        (texts.GitName, "feature/a.b-c"),
        (texts.GitName, "v1.2.3+build"),
        (texts.SemverRange, ">=1.0 <2"),
        (texts.SemverRange, "^1.2 || ~3.4-0"),
        (texts.CommitId, "0123456789abcdef0123456789abcdef01234567"),
        (texts.KindName, "Deployment"),
        (texts.KindName, "apps/Deployment"),
        (texts.Pointer, "/spec/replicas"),
        (texts.Pointer, "/metadata/annotations/a.b~1c"),
        (texts.FilePath, "../values/prod.yaml"),
        (texts.Line, ""),
    ],
)
def test_a_well_formed_text_is_taken_as_it_is(kind: Any, value: str) -> None:
    assert read(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (texts.Name, "A", "is not a Kubernetes name"),
        (texts.Name, "", "is not a Kubernetes name"),
        (texts.Name, "a\n", "is not a Kubernetes name"),
        (texts.Name, "a" * 254, "is longer than 253 characters"),
        (texts.NamespaceName, "a.b", "is not the name of a namespace"),
        (texts.GitName, "--upload-pack=evil", "is not the name of a branch or tag"),
        (texts.GitName, "a..b", "is not the name of a branch or tag"),
        (texts.GitName, "a b", "is not the name of a branch or tag"),
        (texts.GitName, "main@{1}", "is not the name of a branch or tag"),
        (texts.GitName, "a\x00b", "is not the name of a branch or tag"),
        (texts.GitName, "main.", "is not the name of a branch or tag"),
        (texts.SemverRange, "-1.0", "is not a version range"),
        (texts.SemverRange, "1.0; rm", "is not a version range"),
        (texts.CommitId, "0123456", "is not a full commit id"),
        (texts.KindName, "deployment", "is not a kind"),
        (texts.Pointer, "spec/replicas", "is not a JSON pointer"),
        (texts.Pointer, "/a~2b", "is not a JSON pointer"),
        (texts.FilePath, "/etc/passwd", "is not a path relative"),
        (texts.Line, "a\x1b[31m", "holds control characters"),
    ],
)
def test_a_malformed_text_is_refused_with_a_reason(kind: Any, value: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        read(kind, value)


@pytest.mark.parametrize(
    ("value", "normalised"),
    [(".", ""), ("", ""), ("./apps//shop/", "apps/shop"), ("apps/./shop", "apps/shop"), ("a..b", "a..b")],
)
def test_a_repository_path_is_normalised(value: str, normalised: str) -> None:
    assert read(texts.RepositoryPath, value) == normalised


@pytest.mark.parametrize("value", ["..", "../x", "a/../b", "a/..", "/", "/etc"])
def test_a_repository_path_stays_below_the_root(value: str) -> None:
    with pytest.raises(ValidationError, match="root of the repository"):
        read(texts.RepositoryPath, value)


def test_a_refusal_never_repeats_the_value() -> None:
    with pytest.raises(ValidationError) as caught:
        read(texts.Name, "HUNTER2")

    assert "HUNTER2" not in caught.value.errors()[0]["msg"]
