from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.api.sync_options import SyncMode
from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.sync.planning.other_tools import (
    ARGO_APPLICATION,
    HELM_RELEASE,
    KUSTOMIZATION,
    inherits,
    is_active,
    left_to_owners,
    owner_of,
    reason_to_wait,
    takeovers,
    waits_for_owners,
)
from gitops_agent.sync.planning.plan import plan
from gitops_agent.sync.planning.policy import PlanPolicy
from tests.sync.samples import APP, live, seen, thing, wanted

KUSTOMIZE = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
HELM = {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"}
APPS, RELEASE = KUSTOMIZATION.named("flux-system", "apps"), HELM_RELEASE.named("shop", "web")
SHOP = ARGO_APPLICATION.named("", "shop")


def labelled(labels: Mapping[str, str], **annotations: str) -> Object:
    obj = thing("ConfigMap", "web", annotations={name.replace("__", "/"): text for name, text in annotations.items()})
    obj["metadata"]["labels"] = dict(labels)
    return obj


def tracked(text: str, kind: str = "ConfigMap") -> Object:
    return thing(kind, "web", annotations={"argocd.argoproj.io/tracking-id": text})


@pytest.mark.parametrize(
    ("obj", "owner"),
    [
        (labelled(KUSTOMIZE), APPS),
        (labelled(HELM), RELEASE),
        (labelled({"kustomize.toolkit.fluxcd.io/name": "apps"}), None),
        (labelled({"app.kubernetes.io/instance": "shop"}), None),
        (tracked("shop:/ConfigMap:shop/web"), SHOP),
        (tracked("shop:apps/Deployment:shop/web", "Deployment"), SHOP),
        (tracked("team_shop:/ConfigMap:shop/web"), ARGO_APPLICATION.named("team", "shop")),
        (tracked("shop:/Namespace:elsewhere/web", "Namespace"), SHOP),
        (thing("ConfigMap", "web"), None),
    ],
)
def test_labels_of_flux_and_the_tracking_id_of_argo_cd_name_the_owner(obj: Object, owner: ObjectKey | None) -> None:
    assert owner_of(obj) == owner


@pytest.mark.parametrize(
    "text", ["", "shop", "shop:/ConfigMap:shop/origin", "shop:/ConfigMap:bank/web", "shop:apps/Job:shop/web"]
)
def test_a_copied_tracking_id_names_no_owner(text: str) -> None:
    assert owner_of(tracked(text)) is None


def test_a_kind_that_is_not_served_owns_nothing() -> None:
    assert owner_of(labelled(KUSTOMIZE), served={HELM_RELEASE}) is None
    assert owner_of(tracked("shop:/ConfigMap:shop/web"), served={KUSTOMIZATION}) is None


def test_an_object_that_flux_leaves_alone_has_no_owner() -> None:
    obj = labelled(KUSTOMIZE)
    obj["metadata"]["annotations"] = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}

    assert owner_of(obj) is None


@pytest.mark.parametrize(
    ("kind", "spec", "active"),
    [
        ("Kustomization", {}, True),
        ("Kustomization", {"suspend": False}, True),
        ("Kustomization", {"suspend": True}, False),
        ("Application", {"syncPolicy": {"automated": {}}}, True),
        ("Application", {"syncPolicy": {"automated": {"enabled": False}}}, False),
        ("Application", {"syncPolicy": {"syncOptions": []}}, False),
        ("Application", {}, False),
    ],
)
def test_an_owner_acts_until_it_is_suspended_or_no_longer_automated(kind: str, spec: dict[str, Any], *, active: bool) -> None:
    group = KUSTOMIZATION.group if kind == "Kustomization" else ARGO_APPLICATION.group

    assert is_active({"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}) is active


def test_the_message_says_how_the_owner_is_stopped() -> None:
    assert reason_to_wait(APPS) == (
        "Kustomization flux-system/apps of Flux manages it: suspend it first (`flux suspend kustomization apps -n flux-system`)"
    )
    assert "`flux suspend helmrelease web -n shop`" in reason_to_wait(RELEASE)
    assert reason_to_wait(ARGO_APPLICATION.named("argocd", "shop")) == (
        "Application argocd/shop of Argo CD manages it: turn its automated sync off first"
    )
    assert "counts as active: forbidden" in reason_to_wait(APPS, unread="forbidden")


def test_only_a_first_apply_takes_an_object_over() -> None:
    ours, strange = thing("ConfigMap", "ours", data={"a": "2"}), thing("ConfigMap", "strange")
    snapshot = seen(live(thing("ConfigMap", "ours", data={"a": "1"})), live(strange, owner=None))
    desired = wanted(ours, strange, thing("ConfigMap", "absent"))

    assert {action.key.name for action in takeovers(plan(desired, snapshot, PlanPolicy()))} == {"strange", "absent"}
    assert takeovers(plan(desired, snapshot, PlanPolicy(mode=SyncMode.OBSERVE))) == ()


@pytest.mark.parametrize(
    ("owner", "manager", "left"),
    [(None, "kustomize-controller", True), (None, "kubectl-edit", False), (APP, "kustomize-controller", False)],
)
def test_what_was_taken_over_has_a_rest_of_the_other_tool(owner: AppKey | None, manager: str, *, left: bool) -> None:
    web = thing("ConfigMap", "web")
    made = plan(wanted(web), seen(live(web, owner=owner)), PlanPolicy())
    edit = FieldEdit(path="/metadata/labels/x", manager=manager, operation="Apply", time="")
    after = live(web, undeclared=(edit,))

    assert inherits(made, {after.key: after}) is left
    assert not inherits(made, {})


def test_what_another_tool_manages_waits_and_the_rest_is_applied() -> None:
    desired = wanted(thing("ConfigMap", "web"), thing("ConfigMap", "other"))
    made = plan(desired, seen(live(thing("ConfigMap", "web"), owner=None)), PlanPolicy())
    key = ObjectKey("", "ConfigMap", "shop", "web")

    left = left_to_owners(made, {key: reason_to_wait(APPS)})

    actions = {action.key.name: action for action in left.actions}
    assert (actions["web"].kind.value, actions["web"].reason) == ("wait", "ManagedByAnother")
    assert actions["other"].writes
    assert waits_for_owners(left)
    assert not waits_for_owners(made)
    assert replace(left, actions=made.actions) == made, "neither the hash nor the verdict changes"
