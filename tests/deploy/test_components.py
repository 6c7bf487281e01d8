"""The components of deploy/ that an overlay may add."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.agent.leader_label import LABEL
from gitops_agent.config.dashboard import DashboardSettings
from gitops_agent.config.settings import WebhookSettings, variable
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.observe import deployments, metrics
from gitops_agent.preview import removal
from tests.deploy.conftest import ROOT, build, only

NETWORK = {
    "prometheus": ("gitops-agent-prometheus", [9090, 9009, 8428, 8481]),
    "in-cluster-git": ("gitops-agent-git", [3000, 8443, 2222]),
    "receivers": ("gitops-agent-receivers", [80, 8080, 8443, 9093]),
    "mail": ("gitops-agent-mail", [465, 587]),
    "collector": ("gitops-agent-collector", [4318]),
}
OUTSIDE = {"mail"}
"""Whose ports are opened towards servers outside of the cluster as well."""
COMPONENTS = sorted(
    str(path.parent.relative_to(ROOT / "deploy")) for path in ROOT.glob("deploy/components/**/kustomization.yaml")
)
PAGE = ROOT / "docs/how-to/network.md"
MONITORING = ROOT / "docs/how-to/monitor.md"

Overlay = Callable[..., list[Object]]


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """What kustomize makes of an installation with components."""

    def make(*components: str, namespace: str = "") -> list[Object]:
        folder = tmp_path / "overlay"
        folder.mkdir()
        (tmp_path / "deploy").symlink_to(ROOT / "deploy")
        lines = ["resources: [../deploy]", f"components: [{', '.join(f'../deploy/{component}' for component in components)}]"]
        if namespace:
            lines.append(f"namespace: {namespace}")
        (folder / "kustomization.yaml").write_text("\n".join(lines) + "\n")
        return build(folder)

    return make


def policies(objects: list[Object]) -> dict[str, Object]:
    return {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "NetworkPolicy"}


@pytest.mark.parametrize("component", NETWORK)
def test_a_component_opens_its_ports_for_the_agents_pods_and_no_other(overlay: Overlay, component: str) -> None:
    name, ports = NETWORK[component]

    objects = overlay(f"components/network/{component}")

    pod = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert set(policies(objects)) == {"gitops-agent", name}
    spec = policies(objects)[name]["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= pod.items()
    assert spec["policyTypes"] == ["Egress"]
    (rule,) = spec["egress"]
    assert [port["port"] for port in rule["ports"]] == ports
    assert rule.get("to") == (None if component in OUTSIDE else [{"namespaceSelector": {}}])


def test_components_follow_the_namespace_of_their_overlay(overlay: Overlay) -> None:
    objects = overlay(*(f"components/network/{component}" for component in NETWORK), namespace="tools")

    assert {obj["metadata"]["namespace"] for obj in policies(objects).values()} == {"tools"}


def test_metrics_can_be_restricted_to_one_namespace(overlay: Overlay) -> None:
    policy = policies(overlay("components/network/restrict-metrics"))["gitops-agent"]["spec"]

    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert policy["ingress"] == [{"from": [monitoring], "ports": [{"port": "http"}]}]


def test_webhooks_reach_the_leaders_pod_by_a_named_port(overlay: Overlay) -> None:
    objects = overlay("components/webhooks")

    service = next(obj for obj in objects if obj["kind"] == "Service" and obj["metadata"]["name"] == "gitops-agent-webhooks")
    pod = only(objects, "Deployment")["spec"]["template"]
    agent = pod["spec"]["containers"][0]
    assert service["spec"]["selector"].items() <= {**pod["metadata"]["labels"], LABEL: "true"}.items()
    assert LABEL in service["spec"]["selector"]
    assert {port["name"]: port["containerPort"] for port in agent["ports"]}["webhooks"] == WebhookSettings().port
    assert {entry["name"] for entry in agent["env"]} >= {"POD_NAME", variable("webhooks.enabled")}


def test_the_dashboard_is_reached_at_the_leaders_pod_by_a_named_port(overlay: Overlay) -> None:
    objects = overlay("components/dashboard", "components/webhooks")

    service = next(obj for obj in objects if obj["kind"] == "Service" and obj["metadata"]["name"] == "gitops-agent-dashboard")
    agent = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert service["spec"]["selector"][LABEL] == "true"
    assert {port["name"]: port["containerPort"] for port in agent["ports"]}["dashboard"] == DashboardSettings().port
    assert {entry["name"] for entry in agent["env"]} >= {
        "POD_NAME",
        variable("dashboard.enabled"),
        variable("webhooks.enabled"),
    }


def test_the_dashboard_may_review_viewers_and_nothing_more_of_the_cluster(overlay: Overlay) -> None:
    role = next(
        obj
        for obj in overlay("components/dashboard")
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] == "gitops-agent-dashboard"
    )

    assert role["rules"] == [
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]


def test_the_chat_shares_the_port_of_webhooks_and_has_a_service_of_its_own(overlay: Overlay) -> None:
    objects = overlay("components/chat", "components/webhooks")

    service = next(obj for obj in objects if obj["kind"] == "Service" and obj["metadata"]["name"] == "gitops-agent-chat")
    agent = only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    assert service["spec"]["selector"][LABEL] == "true"
    assert [port["containerPort"] for port in agent["ports"] if port["name"] == "webhooks"] == [WebhookSettings().port]
    assert {entry["name"] for entry in agent["env"]} >= {"POD_NAME", variable("chat.slack"), variable("webhooks.enabled")}


def test_the_chat_may_review_rights_and_command_rollouts_and_nothing_more(overlay: Overlay) -> None:
    role = next(
        obj
        for obj in overlay("components/chat")
        if obj["kind"] == "ClusterRole" and obj["metadata"]["name"] == "gitops-agent-chat"
    )

    assert role["rules"] == [
        {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        {"apiGroups": ["gitops-agent.dev"], "resources": ["rolloutpolicies"], "verbs": ["patch"]},
    ]


def test_the_network_policy_can_be_left_out(overlay: Overlay) -> None:
    assert policies(overlay("components/network/none")) == {}


def test_what_is_added_is_removed_with_the_installation(overlay: Overlay) -> None:
    added = [component for component in COMPONENTS if component.rpartition("/")[2] not in ("none", "restrict-metrics")]

    objects = overlay(*(component for component in added if component != "components/write"))

    assert [
        obj["metadata"]["name"]
        for obj in objects
        if obj["kind"] != "Namespace"
        and (obj["metadata"].get("labels") or {}).get("app.kubernetes.io/part-of") != "gitops-agent"
    ] == []


def test_uninstall_looks_for_every_kind_that_is_added(overlay: Overlay) -> None:
    objects = overlay(*(component for component in COMPONENTS if not component.endswith(("none", "restrict-metrics", "write"))))

    looked_for = {*removal._PARTS, *removal._CLUSTER_PARTS, *removal._CLUSTER_COMPONENTS}
    assert {ObjectKey.of(obj).group_kind for obj in objects} - looked_for == set()


def test_the_page_names_every_component_and_every_port() -> None:
    text = PAGE.read_text()

    for component, (_, ports) in NETWORK.items():
        (row,) = re.findall(rf"^\| `components/network/{component}` .*$", text, re.MULTILINE)
        assert [port for port in ports if f"{port}" not in row] == []
    assert [path for path in COMPONENTS if path.startswith("components/network/") and f"`{path}`" not in text] == []


def test_alerts_use_metrics_and_labels_that_exist(overlay: Overlay) -> None:
    objects = overlay("components/monitoring")
    families = {family.name: family for family in metrics.REGISTRY.collect()}
    labels = {
        name: set(metric._labelnames)
        for metric in (*vars(metrics).values(), *vars(deployments).values())
        if hasattr(metric, "_labelnames")
        for name in [metric._name]
    } | {name: set(named) for name, named in deployments.LABELS.items()}
    (group,) = only(objects, "PrometheusRule")["spec"]["groups"]

    for rule in group["rules"]:
        used = set(re.findall(r"\bgitops_agent_[a-z_]+", rule["expr"]))
        stems = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in used}
        assert used, rule["alert"]
        assert stems <= families.keys(), rule["alert"]
        named = set(re.findall(r"(\w+)!?=\"", rule["expr"])) | set(re.findall(r"by \((\w+)\)", rule["expr"])) - {"le"}
        assert named <= set().union(*(labels[stem] for stem in stems)), rule["alert"]


def test_the_dashboard_shows_metrics_that_exist(overlay: Overlay) -> None:
    config = only(overlay("components/monitoring"), "ConfigMap", "gitops-agent-dashboard")
    dashboard = json.loads(config["data"]["gitops-agent.json"])
    families = {family.name for family in metrics.REGISTRY.collect()} | {"gitops_agent_api_requests"}
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]

    used = {name for query in queries for name in re.findall(r"\b(?:gitops_agent|process)_[a-z_]+", query)}
    assert queries
    assert {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in used} - families == set()


def test_the_monitor_selects_the_service_of_the_metrics(overlay: Overlay) -> None:
    objects = overlay("components/monitoring")
    monitor, service = only(objects, "ServiceMonitor")["spec"], only(objects, "Service", "gitops-agent-metrics")

    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == [port["name"] for port in service["spec"]["ports"]]


def test_the_page_explains_every_alert(overlay: Overlay) -> None:
    (group,) = only(overlay("components/monitoring"), "PrometheusRule")["spec"]["groups"]

    assert [rule["alert"] for rule in group["rules"] if f"`{rule['alert']}`" not in MONITORING.read_text()] == []
