from __future__ import annotations

import pytest

from gitops_agent.api.render_options import HelmHooks
from gitops_agent.sync.hooks.moment import Moment, Operation, always
from gitops_agent.sync.hooks.spelling import hook_text
from tests.sync.samples import thing

EVERY = frozenset(Operation)


def times(name: str, value: str, helm: HelmHooks = HelmHooks.HELM) -> set[tuple[str, str]]:
    text = hook_text(thing("Job", "migrate", annotations={name: value}), helm)
    assert text is not None
    return {(operation.value, moment.value) for operation, moment in text.times}


@pytest.mark.parametrize(
    ("name", "value", "moments"),
    [
        ("gitops-agent.dev/hook", "pre-sync", [Moment.PRE_SYNC]),
        ("gitops-agent.dev/hook", "sync, post-sync", [Moment.SYNC, Moment.POST_SYNC]),
        ("gitops-agent.dev/hook", "pre-delete,post-delete", [Moment.PRE_DELETE, Moment.POST_DELETE]),
        ("argocd.argoproj.io/hook", "PreSync", [Moment.PRE_SYNC]),
        ("argocd.argoproj.io/hook", "PreSync,PostSync", [Moment.PRE_SYNC, Moment.POST_SYNC]),
        ("argocd.argoproj.io/hook", "SyncFail", [Moment.SYNC_FAIL]),
        ("argocd.argoproj.io/hook", "PreDelete", [Moment.PRE_DELETE]),
        ("helm.sh/hook", "post-delete", [Moment.POST_DELETE]),
    ],
)
def test_our_spelling_and_that_of_argo_cd_mean_every_operation(name: str, value: str, moments: list[Moment]) -> None:
    expected = frozenset[tuple[Operation, Moment]]().union(*(always(moment) for moment in moments))
    assert times(name, value) == {(operation.value, moment.value) for operation, moment in expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pre-install", {("install", "pre-sync")}),
        ("pre-install,pre-upgrade", {("install", "pre-sync"), ("upgrade", "pre-sync")}),
        ("post-upgrade, test", {("upgrade", "post-sync")}),
        ("post-rollback", {("rollback", "post-sync")}),
    ],
)
def test_helm_tells_installations_upgrades_and_rollbacks_apart(value: str, expected: set[tuple[str, str]]) -> None:
    assert times("helm.sh/hook", value) == expected


def test_every_sync_reads_the_hooks_of_helm_as_argo_cd_does() -> None:
    every = {(operation.value, "pre-sync") for operation in Operation}
    assert times("helm.sh/hook", "pre-install", HelmHooks.EVERY_SYNC) == every
    assert times("helm.sh/hook", "pre-rollback", HelmHooks.EVERY_SYNC) == set()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("helm.sh/hook", "test", "tests of charts are not run"),
        ("argocd.argoproj.io/hook", "Skip", "it asks to be skipped"),
    ],
)
def test_what_never_runs_says_why(name: str, value: str, why: str) -> None:
    text = hook_text(thing("Job", "migrate", annotations={name: value}))
    assert text is not None
    assert (text.times, text.why_not) == (frozenset(), why)


def test_the_hooks_of_helm_can_be_switched_off_and_others_cannot() -> None:
    assert times("helm.sh/hook", "pre-install", HelmHooks.NONE) == set()
    assert times("gitops-agent.dev/hook", "pre-sync", HelmHooks.NONE) != set()


def test_an_ordinary_object_is_no_hook() -> None:
    assert hook_text(thing("Job", "migrate", annotations={"team": "shop"})) is None


def test_a_crd_install_hook_of_an_old_chart_is_an_ordinary_object() -> None:
    assert hook_text(thing("ConfigMap", "web", annotations={"helm.sh/hook": "crd-install"})) is None


@pytest.mark.parametrize("value", ["presync", "pre-sync, later", ""])
def test_an_unknown_moment_is_a_problem_that_names_the_annotation(value: str) -> None:
    with pytest.raises(
        ValueError, match=r"annotation gitops-agent\.dev/hook: .* is none of post-delete, post-sync, pre-delete"
    ):
        hook_text(thing("Job", "migrate", annotations={"gitops-agent.dev/hook": value}))
