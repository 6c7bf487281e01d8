from __future__ import annotations

import pytest

from gitops_agent.importer.jq_path import pointer


@pytest.mark.parametrize(
    ("path", "result"),
    [
        (".spec.replicas", "/spec/replicas"),
        (".spec.containers[].image", "/spec/containers/*/image"),
        (".spec.containers[0].image", "/spec/containers/0/image"),
        ('.metadata.annotations["a/b~c"]', "/metadata/annotations/a~1b~0c"),
        ('.metadata.annotations."a/b"', "/metadata/annotations/a~1b"),
        ('.spec.containers[] | select(.name == "web") | .image', "/spec/containers/[name=web]/image"),
        ('.spec.containers[] | select(.name == "web").image', "/spec/containers/[name=web]/image"),
        (".webhooks[]?.clientConfig.caBundle", "/webhooks/*/clientConfig/caBundle"),
        (".a?.b", "/a/b"),
    ],
)
def test_a_simple_path_is_a_pointer(path: str, result: str) -> None:
    assert pointer(path) == result


@pytest.mark.parametrize(
    "path", ["", ".", ".a | length", ".a[1:]", "..", 'select(.x == "y")', ".a + .b", '.a | select(.b == "c")']
)
def test_a_path_that_computes_has_no_pointer(path: str) -> None:
    assert pointer(path) is None
