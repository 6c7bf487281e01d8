from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.manifest.field_name import pointer_of
from gitops_agent.manifest.merge_keys import resolve
from gitops_agent.manifest.pointer import field_path

OBJ: dict[str, Any] = {
    "metadata": {"annotations": {"example.com/a.b": "1"}},
    "spec": {
        "replicas": 3,
        "template": {"spec": {"containers": [{"name": "web", "args": ["a", "b"], "ports": [{"containerPort": 80}]}]}},
    },
}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.replicas", "/spec/replicas"),
        (".spec.replicas", "/spec/replicas"),
        ("spec.template.spec.containers[web].args[1]", "/spec/template/spec/containers/[name=web]/args/1"),
        ("spec.template.spec.containers[0].name", "/spec/template/spec/containers/[name=web]/name"),
        ("spec.template.spec.containers[web].ports[80]", "/spec/template/spec/containers/[name=web]/ports/[containerPort=80]"),
        ("metadata.annotations[example.com/a.b]", "/metadata/annotations/example.com~1a.b"),
    ],
)
def test_a_field_is_found_as_people_write_it(text: str, path: str) -> None:
    assert pointer_of(text, OBJ) == path
    assert pointer_of(field_path(path), OBJ) == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a field such as"),
        ("spec..replicas", "is not a field such as"),
        ("spec[", "is not a field such as"),
        ("spec.replica", "did you mean replicas"),
        ("spec.template.spec.containers[wep]", "did you mean web"),
        ("spec.template.spec.containers[web].args[7]", "there are 0 to 1"),
        ("spec.replicas.more", "nothing below"),
    ],
)
def test_a_field_that_is_not_there_is_answered_with_what_is(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pointer_of(text, OBJ)


def test_what_is_found_is_there() -> None:
    assert resolve(OBJ, pointer_of("spec.template.spec.containers[web].ports[80].containerPort", OBJ)) == 80
