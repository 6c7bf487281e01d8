from __future__ import annotations

from pathlib import Path

import pytest

import gitops_agent
from gitops_agent.api.crd import crds
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Invalid, UsageError
from gitops_agent.install.bundle import CRDS, Flavour, folder, install, manifests, protected
from gitops_agent.manifest.key import Object, ObjectKey

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("flavour", list(Flavour))
def test_everything_that_is_installed_for_good_is_protected(flavour: Flavour) -> None:
    installed = {ObjectKey.of(obj) for obj in manifests(flavour)}
    replaceable = {"Service", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"}

    assert {key for key in installed - protected("gitops-system") if key.kind not in replaceable} == set()


def test_an_agent_elsewhere_protects_its_own_namespace() -> None:
    keys = protected("elsewhere")

    assert ObjectKey("", "Namespace", "", "elsewhere") in keys
    assert ObjectKey("apps", "Deployment", "elsewhere", "gitops-agent") in keys
    assert {key.name for key in keys if key.kind == "CustomResourceDefinition"} == set(CRDS)
    assert not {key for key in keys if "gitops-system" in (key.namespace, key.name)}


def test_what_others_need_comes_first() -> None:
    kinds = [obj["kind"] for obj in manifests(Flavour.FULL)]

    assert kinds[: len(crds()) + 1] == [*["CustomResourceDefinition"] * len(crds()), "Namespace"]
    assert kinds.index("ServiceAccount") < kinds.index("Deployment")
    assert kinds.index("ClusterRole") < kinds.index("ClusterRoleBinding")


def test_a_copy_without_its_manifests_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gitops_agent, "__file__", str(tmp_path / "gitops_agent" / "__init__.py"))

    with pytest.raises(UsageError, match="deploy/"):
        folder()


def config_map(namespace: str, name: str, **data: object) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


@pytest.mark.cluster
def test_applying_reports_for_each_object_whether_it_changed(objects: Objects, namespace: str) -> None:
    reported: list[tuple[str, bool]] = []
    wanted = [config_map(namespace, "one", a="1"), config_map(namespace, "two", a="1")]

    for wish in (wanted, wanted, [config_map(namespace, "one", a="2"), wanted[1]]):
        install(objects, wish, lambda key, changed: reported.append((key.name, changed)))

    assert reported == [("one", True), ("two", True), ("one", False), ("two", False), ("one", True), ("two", False)]


@pytest.mark.cluster
def test_what_comes_before_a_refused_object_stays_applied(objects: Objects, namespace: str) -> None:
    reported: list[str] = []
    wanted = [config_map(namespace, "one"), config_map(namespace, "two", a=["no text"]), config_map(namespace, "three")]

    with pytest.raises(Invalid):
        install(objects, wanted, lambda key, _: reported.append(key.name))

    assert reported == ["one"]
    assert objects.get(ObjectKey("", "ConfigMap", namespace, "one"))
