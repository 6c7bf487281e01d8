"""The Helm chart against what kustomize makes of `deploy/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.docsgen.chart import COMPONENTS
from gitops_agent.errors import ProcessError
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import run
from gitops_agent.render.binaries import find
from tests.deploy.conftest import ROOT, build, only

pytestmark = pytest.mark.slow
CHART = ROOT / "deploy/chart"


def helm(*words: str, cache: Path | None = None) -> str:
    home = str(cache or Path("/nonexistent"))
    return run((str(find("helm").path), *words), env={"HOME": home, "HELM_CACHE_HOME": home}).stdout.decode()


def template(*values: str, namespace: str = "gitops-system") -> list[Object]:
    """What Helm makes of the chart with values."""
    switches = [word for value in values for word in ("--set", value)]
    documents = load_all(helm("template", "agent", str(CHART), "--namespace", namespace, *switches).encode(), file="chart")
    return [document for document in documents if document]


def comparable(objects: list[Object]) -> dict[ObjectKey, Object]:
    """The objects without what the two ways name or spell differently."""
    result = {}
    for obj in map(copy, objects):
        if obj["kind"] == "ConfigMap" and "config.yaml" in obj["data"]:
            obj["metadata"]["name"] = "settings"
            (obj["data"]["config.yaml"],) = load_all(obj["data"]["config.yaml"].encode(), file="config.yaml")
        if obj["kind"] == "Deployment":
            (volume,) = (volume for volume in obj["spec"]["template"]["spec"]["volumes"] if volume["name"] == "config")
            assert volume["configMap"]["name"].startswith("gitops-agent-config-")
            volume["configMap"]["name"] = "settings"
        if obj["kind"] == "CustomResourceDefinition" and obj["metadata"]["annotations"].pop("helm.sh/resource-policy", "keep"):
            obj["metadata"]["annotations"] = obj["metadata"]["annotations"] or None
        result[ObjectKey.of(obj)] = obj
    return result


@pytest.fixture(autouse=True)
def _annotated(everything: list[Object], read_only: list[Object]) -> None:
    """CRDs of kustomize have a place for annotations too."""
    for obj in (*everything, *read_only):
        if obj["kind"] == "CustomResourceDefinition":
            obj["metadata"].setdefault("annotations", {})


def overlay(folder: Path, component: str) -> list[Object]:
    """What kustomize makes of an installation with a component."""
    (folder / "deploy").symlink_to(ROOT / "deploy")
    (folder / "overlay").mkdir()
    text = f"resources: [../deploy]\ncomponents: [../deploy/components/{component}]\n"
    (folder / "overlay/kustomization.yaml").write_text(text)
    objects = build(folder / "overlay")
    for obj in objects:
        if obj["kind"] == "CustomResourceDefinition":
            obj["metadata"].setdefault("annotations", {})
    return objects


def test_helm_has_no_objection(tmp_path: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), cache=tmp_path)


def test_it_installs_what_kustomize_installs(everything: list[Object]) -> None:
    assert comparable(template("namespace.create=true")) == comparable(everything)


def test_without_the_right_to_write_it_is_the_read_only_installation(read_only: list[Object]) -> None:
    assert comparable(template("namespace.create=true", "write=false")) == comparable(read_only)


@pytest.mark.parametrize(
    ("value", "component"),
    [
        *((f"components.{value}=true", folder) for value, folder in COMPONENTS.items()),
        ("networkPolicy.enabled=false", "network/none"),
        ("networkPolicy.restrictMetrics=true", "network/restrict-metrics"),
    ],
)
def test_a_value_is_the_component_of_its_name(value: str, component: str, tmp_path: Path) -> None:
    assert comparable(template("namespace.create=true", value)) == comparable(overlay(tmp_path, component))


def test_the_pods_take_what_people_set() -> None:
    objects = template(
        "image.repository=registry.example.com/agent",
        "image.tag=1.2.3",
        "replicas=1",
        "resources.agent.requests.cpu=1",
        "nodeSelector.pool=system",
        "tolerations[0].operator=Exists",
        "priorityClassName=system-cluster-critical",
        "imagePullSecrets[0].name=registry",
        "podAnnotations.team=platform",
        "podLabels.cost=shared",
        "serviceAccount.annotations.role=reader",
        "config.log.level=debug",
    )
    deployment = only(objects, "Deployment")
    template_ = deployment["spec"]["template"]
    pod = template_["spec"]
    (config,) = (obj for obj in objects if obj["kind"] == "ConfigMap")

    assert deployment["spec"]["replicas"] == 1
    assert {container["image"] for container in pod["containers"]} == {"registry.example.com/agent:1.2.3"}
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": 1, "memory": "256Mi"}
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"pool": "system"}, [{"operator": "Exists"}])
    assert (pod["priorityClassName"], pod["imagePullSecrets"]) == ("system-cluster-critical", [{"name": "registry"}])
    assert template_["metadata"]["annotations"]["team"] == "platform"
    assert template_["metadata"]["labels"]["cost"] == "shared"
    assert only(objects, "ServiceAccount")["metadata"]["annotations"] == {"role": "reader"}
    assert "level: debug" in config["data"]["config.yaml"]
    assert [obj for obj in objects if obj["kind"] == "PodDisruptionBudget"] == []


def test_a_digest_counts_instead_of_the_tag() -> None:
    pod = only(template("image.digest=sha256:abc", "image.tag=v1"), "Deployment")["spec"]["template"]["spec"]

    assert {container["image"] for container in pod["containers"]} == {"gitops-agent@sha256:abc"}


def test_a_changed_setting_rolls_the_pods() -> None:
    def name(*values: str) -> str:
        (config,) = (obj for obj in template(*values) if obj["kind"] == "ConfigMap")
        return str(config["metadata"]["name"])

    assert name("config.log.level=debug") != name()


def test_it_can_be_installed_into_another_namespace() -> None:
    objects = template("components.flowControl=true", "components.protectMarks=true", namespace="tools")

    assert {obj["metadata"]["namespace"] for obj in objects if "namespace" in obj["metadata"]} == {"tools"}
    assert "gitops-system" not in str([obj for obj in objects if obj["kind"] != "CustomResourceDefinition"])


def test_a_value_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ProcessError) as refused:
        template("component.impersonate=true")

    assert "component" in refused.value.stderr
