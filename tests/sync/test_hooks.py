from __future__ import annotations

import pytest

from gitops_agent.sync.hooks import hook
from tests.sync.samples import thing


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gitops-agent.dev/hook", "pre-sync"),
        ("argocd.argoproj.io/hook", "PreSync"),
        ("argocd.argoproj.io/hook", "PreSync,PostSync"),
        ("argocd.argoproj.io/hook", "Skip"),
        ("helm.sh/hook", "pre-install,pre-upgrade"),
        ("helm.sh/hook", "post-delete"),
        ("helm.sh/hook", "test"),
    ],
)
def test_every_spelling_of_a_hook_is_recognised(name: str, value: str) -> None:
    assert hook(thing("Job", "migrate", annotations={name: value})) == (name, value)


def test_an_ordinary_object_is_no_hook() -> None:
    assert hook(thing("Job", "migrate", annotations={"team": "shop"})) is None


def test_a_crd_install_hook_of_an_old_chart_is_an_ordinary_object() -> None:
    assert hook(thing("ConfigMap", "web", annotations={"helm.sh/hook": "crd-install"})) is None


@pytest.mark.parametrize("value", ["presync", "pre-sync, later", ""])
def test_an_unknown_moment_is_a_problem_that_names_the_annotation(value: str) -> None:
    with pytest.raises(ValueError, match=r"annotation gitops-agent\.dev/hook: .* is none of post-sync, pre-sync, sync-fail"):
        hook(thing("Job", "migrate", annotations={"gitops-agent.dev/hook": value}))
