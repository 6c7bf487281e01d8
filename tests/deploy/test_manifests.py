from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gitops_agent import __version__
from gitops_agent.cli.render_worker import render_worker
from gitops_agent.config import Settings, load
from gitops_agent.install.bundle import MARK_KEY, protected
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.yaml import load_all
from tests.deploy.conftest import ROOT, build, only


def test_read_only_is_everything_without_the_right_to_write(everything: list[Object], read_only: list[Object]) -> None:
    extra = {str(ObjectKey.of(obj)) for obj in everything} - {str(ObjectKey.of(obj)) for obj in read_only}

    assert extra == {
        "rbac.authorization.k8s.io/ClusterRole:gitops-agent-write",
        "rbac.authorization.k8s.io/ClusterRoleBinding:gitops-agent-write",
    }


def test_the_pods_give_up_every_privilege(everything: list[Object]) -> None:
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]) == (
        True,
        {"type": "RuntimeDefault"},
    )
    for container in pod["containers"]:
        assert (
            container["securityContext"].items()
            >= {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }.items()
        )


def containers(everything: list[Object]) -> tuple[Object, Object]:
    """The agent's container, and the one that renders."""
    agent, render = only(everything, "Deployment")["spec"]["template"]["spec"]["containers"]
    return agent, render


def test_the_container_that_renders_has_neither_the_token_nor_the_agents_files_nor_its_user(everything: list[Object]) -> None:
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    agent, render = containers(everything)
    account = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    mounts = {
        container["name"]: {m["mountPath"]: m["name"] for m in container["volumeMounts"]} for container in (agent, render)
    }

    assert pod["automountServiceAccountToken"] is False
    assert mounts["agent"][str(account)] == "account"
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "account")
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    assert mounts["render"] == {"/scratch": "scratch", "/run/gitops-agent": "socket"}
    assert render["securityContext"]["runAsUser"] != pod["securityContext"]["runAsUser"]
    assert render["securityContext"]["runAsGroup"] != pod["securityContext"]["runAsGroup"]
    assert "env" not in render


def test_the_agent_finds_the_socket_that_the_other_container_listens_on(everything: list[Object], tmp_path: Path) -> None:
    (config,) = (obj for obj in everything if obj["kind"] == "ConfigMap")
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])
    _, render = containers(everything)
    parsed = render_worker.make_context("render-worker", render["args"][1:]).params

    assert render["args"][0] == "render-worker"
    assert load(tmp_path / "config.yaml", {}, {}).settings.render.socket == parsed["path"]
    assert str(parsed["path"].parent) in {mount["mountPath"] for mount in containers(everything)[0]["volumeMounts"]}
    assert str(parsed["scratch"]) in {mount["mountPath"] for mount in render["volumeMounts"]}


def test_two_replicas_survive_a_drain_one_after_the_other(everything: list[Object]) -> None:
    deployment, budget = only(everything, "Deployment"), only(everything, "PodDisruptionBudget")

    assert (deployment["spec"]["replicas"], budget["spec"]["minAvailable"]) == (2, 1)


def test_every_selector_finds_the_pods(everything: list[Object]) -> None:
    deployment = only(everything, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        only(everything, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        only(everything, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        only(everything, "Service", "gitops-agent-metrics")["spec"]["selector"],
    ]

    assert all(selector.items() <= labels for selector in selectors)


def test_the_port_is_the_one_the_agent_listens_on(everything: list[Object]) -> None:
    container = only(everything, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    (port,) = container["ports"]

    assert port == {"name": "http", "containerPort": Settings().server.port}
    assert [container[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")] == [
        {"path": "/healthz", "port": "http"},
        {"path": "/readyz", "port": "http"},
    ]


def test_nothing_but_the_port_can_be_reached(everything: list[Object]) -> None:
    policy = only(everything, "NetworkPolicy")["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]
    assert sorted({port["port"] for rule in policy["egress"] for port in rule["ports"]}) == [22, 53, 443, 6443]


def test_the_configuration_is_one_the_agent_takes(everything: list[Object], tmp_path: Path) -> None:
    (config,) = (obj for obj in everything if obj["kind"] == "ConfigMap")
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])
    variables = {
        variable["name"]: "gitops-system"
        for variable in only(everything, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    settings = load(tmp_path / "config.yaml", variables, {}).settings

    assert settings.cluster.namespace == "gitops-system"
    assert settings.source.cache_dir == Path("/var/cache/gitops-agent")


def test_all_renders_at_once_fit_into_the_memory_limit(everything: list[Object], tmp_path: Path) -> None:
    (config,) = (obj for obj in everything if obj["kind"] == "ConfigMap")
    (tmp_path / "config.yaml").write_text(config["data"]["config.yaml"])
    render = load(tmp_path / "config.yaml", {}, {}).settings.render
    limit = containers(everything)[1]["resources"]["limits"]["memory"]

    assert limit == "2Gi"
    assert render.concurrency * render.memory_mib + 256 <= 2048


def test_what_is_written_is_on_a_volume(everything: list[Object], tmp_path: Path) -> None:
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}

    assert {path for path, name in mounts.items() if name in empty} == {"/var/cache/gitops-agent", "/tmp", "/run/gitops-agent"}  # noqa: S108 - in the container


def test_a_changed_configuration_rolls_the_pods(everything: list[Object]) -> None:
    (config,) = (obj for obj in everything if obj["kind"] == "ConfigMap")
    volumes = only(everything, "Deployment")["spec"]["template"]["spec"]["volumes"]

    assert config["metadata"]["name"].startswith("gitops-agent-config-")
    assert config["metadata"]["name"] in [volume.get("configMap", {}).get("name") for volume in volumes]


def test_the_role_names_the_lease_and_the_secret_that_the_agent_uses(everything: list[Object]) -> None:
    names = [rule["resourceNames"] for rule in only(everything, "Role")["rules"] if "resourceNames" in rule]

    assert names == [[Settings().leader.lease_name], [MARK_KEY]]
    assert only(everything, "Secret", MARK_KEY)["type"] == "Opaque"


def test_the_image_is_the_one_of_this_version(everything: list[Object]) -> None:
    assert {container["image"] for container in containers(everything)} == {f"gitops-agent:{__version__}"}


def test_what_the_agent_lives_on_is_never_pruned(everything: list[Object]) -> None:
    vital = {"ServiceAccount", "Deployment", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Namespace"}
    keys = {ObjectKey.of(obj) for obj in everything if obj["kind"] in vital | {"CustomResourceDefinition"}}

    assert keys <= protected("gitops-system")


def test_every_rule_says_why() -> None:
    files = [*(ROOT / "deploy").rglob("*role.yaml")]
    assert len(files) == 7
    for file in files:
        lines = [line.strip() for line in file.read_text().splitlines()]
        rules = sum(line.startswith("- apiGroups") for line in lines)
        explained = sum(a.startswith("#") and b.startswith("- apiGroups") for a, b in itertools.pairwise(lines))
        # The lease takes two rules for one reason.
        assert explained == rules - (1 if file.name == "own-role.yaml" else 0), file.name


@pytest.mark.parametrize("name", ["write", "impersonate"])
def test_a_component_can_be_added_in_an_overlay(name: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (overlay / "kustomization.yaml").write_text(
        f"resources: [../deploy/read-only]\ncomponents: [../deploy/components/{name}]\n",
    )

    assert only(build(overlay), "ClusterRole", f"gitops-agent-{name}")


def test_every_file_is_yaml_of_one_dialect() -> None:
    templates = ROOT / "deploy/chart/templates"
    for file in (ROOT / "deploy").rglob("*.yaml"):
        if templates in file.parents:
            continue
        assert all(isinstance(document, dict) for document in load_all(file.read_bytes(), file=file.name))
