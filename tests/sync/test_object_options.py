from __future__ import annotations

import pytest

from gitops_agent.sync.object_options import NONE, ObjectOptions, prune_disabled, read, within
from tests.sync.samples import key, thing

DEPLOYMENT = key("Deployment", "db")


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, NONE),
        ({"team": "shop"}, NONE),
        ({"gitops-agent.dev/prune": "disabled"}, ObjectOptions(prune_disabled=True)),
        ({"gitops-agent.dev/prune": "enabled"}, NONE),
        ({"kustomize.toolkit.fluxcd.io/prune": "Disabled"}, ObjectOptions(prune_disabled=True)),
        ({"helm.sh/resource-policy": "keep"}, ObjectOptions(prune_disabled=True)),
        ({"argocd.argoproj.io/sync-options": "Prune=false"}, ObjectOptions(prune_disabled=True)),
        ({"argocd.argoproj.io/sync-options": "Replace=true, Delete=false"}, ObjectOptions(prune_disabled=True)),
        ({"argocd.argoproj.io/sync-options": "Prune=confirm"}, ObjectOptions(prune_disabled=True)),
        ({"argocd.argoproj.io/sync-options": "ServerSideApply=true,Prune=true"}, NONE),
        ({"gitops-agent.dev/apply": "create-only"}, ObjectOptions(create_only=True)),
        ({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}, ObjectOptions(create_only=True)),
        ({"kustomize.toolkit.fluxcd.io/ssa": "Merge"}, NONE),
        ({"gitops-agent.dev/apply": "ignore"}, ObjectOptions(ignore=True)),
        ({"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}, ObjectOptions(ignore=True)),
        ({"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}, ObjectOptions(ignore=True)),
        ({"argocd.argoproj.io/sync-wave": "-5"}, ObjectOptions(wave=-5)),
        ({"gitops-agent.dev/wave": "2", "argocd.argoproj.io/sync-wave": "7"}, ObjectOptions(wave=2)),
        ({"gitops-agent.dev/depends-on": "apps/Deployment:shop/db"}, ObjectOptions(depends_on=(DEPLOYMENT,))),
        ({"config.kubernetes.io/depends-on": "apps/namespaces/shop/Deployment/db"}, ObjectOptions(depends_on=(DEPLOYMENT,))),
        ({"gitops-agent.dev/replace": "on-immutable"}, ObjectOptions(replace_on_immutable=True)),
        ({"kustomize.toolkit.fluxcd.io/force": "enabled"}, ObjectOptions(replace_on_immutable=True)),
        ({"argocd.argoproj.io/sync-options": "Force=true"}, ObjectOptions(replace_on_immutable=True)),
        ({"argocd.argoproj.io/sync-options": "Force=false"}, NONE),
        ({"gitops-agent.dev/ignore-health": "true"}, ObjectOptions(ignore_health=True)),
        ({"gitops-agent.dev/apply-before-rollout": "true"}, NONE),
        ({"gitops-agent.dev/apply-before-rollout": "false"}, NONE),
        ({"gitops-agent.dev/apply-with-rollout": "true"}, NONE),
    ],
)
def test_the_concepts_of_other_tools_are_understood(annotations: dict[str, str], expected: ObjectOptions) -> None:
    assert read(thing("ConfigMap", "web", annotations=annotations)) == (expected, ())


def test_a_dependency_may_be_cluster_scoped_or_of_the_core_group() -> None:
    text = "/Namespace/shop, /namespaces/shop/Service/web,rbac.authorization.k8s.io/ClusterRole/reader"
    options, problems = read(thing("ConfigMap", "web", annotations={"config.kubernetes.io/depends-on": text}))
    assert problems == ()
    assert options.depends_on == (key("Namespace", "shop"), key("Service", "web"), key("ClusterRole", "reader"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gitops-agent.dev/prune", "disable"),
        ("gitops-agent.dev/wave", "first"),
        ("gitops-agent.dev/wave", 1),
        ("gitops-agent.dev/apply", "never"),
        ("gitops-agent.dev/depends-on", "db"),
        ("gitops-agent.dev/depends-on", "apps/Deployment:shop/db,"),
        ("gitops-agent.dev/ignore-health", "yes"),
        ("gitops-agent.dev/apply-before-rollout", "yes"),
        ("argocd.argoproj.io/sync-wave", "1.5"),
        ("argocd.argoproj.io/sync-options", "Prune"),
        ("argocd.argoproj.io/sync-options", "Prune=no"),
        ("kustomize.toolkit.fluxcd.io/ssa", "Sometimes"),
        ("config.kubernetes.io/depends-on", "apps/shop/Deployment/db"),
        ("config.kubernetes.io/depends-on", "apps/namespaces//Deployment/db"),
    ],
)
def test_an_invalid_value_is_a_problem_and_never_ignored(name: str, value: object) -> None:
    _, problems = read(thing("ConfigMap", "web", annotations={name: value}))
    assert len(problems) == 1
    assert problems[0].startswith(f"annotation {name}: ")


def test_a_misspelt_annotation_is_a_problem_with_a_suggestion() -> None:
    _, problems = read(thing("ConfigMap", "web", annotations={"gitops-agent.dev/prunes": "disabled"}))
    assert problems == ("annotation gitops-agent.dev/prunes is not known; did you mean gitops-agent.dev/prune?",)


def test_several_problems_are_reported_at_once() -> None:
    _, problems = read(thing("ConfigMap", "web", annotations={"gitops-agent.dev/wave": "x", "gitops-agent.dev/prune": "x"}))
    assert len(problems) == 2


def test_requests_to_keep_add_up_across_spellings() -> None:
    annotations = {"gitops-agent.dev/prune": "enabled", "argocd.argoproj.io/sync-options": "Delete=false"}
    assert prune_disabled(thing("Secret", "key", annotations=annotations))


def test_an_invalid_request_on_a_live_object_keeps_it() -> None:
    assert prune_disabled(thing("Secret", "key", annotations={"gitops-agent.dev/prune": "disable"}))
    assert not prune_disabled(thing("Secret", "key", annotations={"gitops-agent.dev/wave": "x"}))


def test_an_object_without_annotations_has_no_options() -> None:
    assert read({"kind": "Pod", "metadata": {"annotations": None}}) == (NONE, ())
    assert read({"kind": "Pod"}) == (NONE, ())


def test_a_dependency_without_a_namespace_means_the_own_one() -> None:
    declared = {DEPLOYMENT}
    assert within(key("Deployment", "db", ""), key("ConfigMap", "web"), declared) == DEPLOYMENT
    assert within(key("Deployment", "db", ""), key("ConfigMap", "web", "bank"), declared) is None
