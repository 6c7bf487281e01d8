"""The alert rules as Prometheus itself evaluates them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gitops_agent import process
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.toolchain.system_packages import SystemPackages
from tests.deploy.conftest import ROOT

APP, ROLLOUT = 'application="gitops-system/shop"', 'rollout="shop/web"'
DEPLOYED = 'namespace="gitops-system",name="shop"'
NOTIFIER = 'notifier="gitops-system/chat"'
FIRES: dict[str, tuple[dict[str, str], str]] = {
    "GitOpsAgentDoesNotLead": ({"gitops_agent_leader": "0x600"}, "10m"),
    "GitOpsAgentApplicationDegraded": ({f'gitops_agent_application{{{APP},health="Degraded"}}': "1x600"}, "15m"),
    "GitOpsAgentApplicationOutOfSync": ({f'gitops_agent_application{{{APP},sync="OutOfSync"}}': "1x600"}, "45m"),
    "GitOpsAgentPlanHeld": ({f"gitops_agent_held_plans{{{APP}}}": "1x600"}, "5h"),
    "GitOpsAgentApplicationNotReady": ({f"gitops_agent_application_not_ready_since_seconds{{{APP}}}": "60x600"}, "80m"),
    "GitOpsAgentRolloutPaused": ({f'gitops_agent_rollout_phase{{{ROLLOUT},phase="Paused"}}': "1x600"}, "5h"),
    "GitOpsAgentNotificationsFail": (
        {f'gitops_agent_notifications_total{{{NOTIFIER},result="failed"}}': "0+1x600"},
        "1h",
    ),
    "GitOpsAgentUnverifiedCommits": ({f"gitops_agent_unverified_commits{{{APP}}}": "2x600"}, "45m"),
    "GitOpsAgentRepositoriesUnreadable": (
        {
            'gitops_agent_source_polls_total{result="failed"}': "0+2x600",
            'gitops_agent_source_polls_total{result="ok"}': "0+1x600",
        },
        "1h",
    ),
    "GitOpsAgentChangesFail": (
        {
            f'gitops_agent_deployments_total{{{DEPLOYED},result="succeeded"}}': "0+0.01x3000",
            f'gitops_agent_deployments_total{{{DEPLOYED},result="failed"}}': "0+0.005x3000",
            f'gitops_agent_deployment_regressions_total{{{DEPLOYED},result="failed"}}': "0+0.005x3000",
        },
        "30h",
    ),
    "GitOpsAgentFallsBehind": (
        {
            'gitops_agent_queue_seconds_bucket{le="30"}': "0x600",
            'gitops_agent_queue_seconds_bucket{le="60"}': "0+5x600",
            'gitops_agent_queue_seconds_bucket{le="+Inf"}': "0+5x600",
        },
        "1h",
    ),
}
"""Series a minute that make an alert fire, and when it has."""

QUIET = {
    "gitops_agent_leader": "1x600",
    f'gitops_agent_application{{{APP},health="Healthy",sync="Synced"}}': "1x600",
    f"gitops_agent_application_not_ready_since_seconds{{{APP}}}": "0x600",
    f'gitops_agent_rollout_phase{{{ROLLOUT},phase="Paused"}}': "0x600",
    f'gitops_agent_notifications_total{{{NOTIFIER},result="delivered"}}': "0+9x600",
    'gitops_agent_source_polls_total{result="ok"}': "0+2x600",
    'gitops_agent_queue_seconds_bucket{le="30"}': "0+5x600",
    'gitops_agent_queue_seconds_bucket{le="+Inf"}': "0+5x600",
    f'gitops_agent_deployments_total{{{DEPLOYED},result="succeeded"}}': "0+0.1x600",
    f'gitops_agent_deployments_total{{{DEPLOYED},result="failed"}}': "0+0.02x600",
    f'gitops_agent_deployment_regressions_total{{{DEPLOYED},result="failed"}}': "0x600",
}
"""Series of an agent that works."""


def rules() -> Object:
    file = ROOT / "deploy/components/monitoring/alerts.yaml"
    (resource,) = load_all(file.read_bytes(), file=file.name)
    groups: list[Object] = resource["spec"]["groups"]
    return {"groups": groups}


def promtool(*arguments: str, cwd: Path) -> str:
    program = SystemPackages().find("promtool")
    return process.run((str(program), *arguments), cwd=cwd, limits=process.Limits(seconds=120.0)).stdout.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(json.dumps(rules()))
    return tmp_path


def rule(name: str) -> Object:
    (alert_rule,) = [rule for rule in rules()["groups"][0]["rules"] if rule["alert"] == name]
    return dict(alert_rule)


def labels(name: str, series: dict[str, str]) -> Object:
    """The labels of an alert: its own, and its expression's."""
    kept = {"application": "gitops-system/shop", "rollout": "shop/web", "notifier": "gitops-system/chat"}
    kept |= {"namespace": "gitops-system"}
    names = "".join(series)
    own: Object = rule(name)["labels"]
    return own | {label: value for label, value in kept.items() if f'{label}="' in names}


def expected(name: str, series: dict[str, str], at: str, *, fires: bool) -> Any:
    fired = labels(name, series)
    texts = {key: text.replace("{{ $labels.", "").replace(" }}", "") for key, text in rule(name)["annotations"].items()}
    for label, value in fired.items():
        texts = {key: text.replace(f"{label} ", f"{value} ") if text.startswith(label) else text for key, text in texts.items()}
    alerts = [{"exp_labels": fired, "exp_annotations": texts}] if fires else []
    return {"eval_time": at, "alertname": name, "exp_alerts": alerts}


def test_every_alert_fires_when_it_should_and_only_then(folder: Path) -> None:
    assert {rule["alert"] for rule in rules()["groups"][0]["rules"]} == set(FIRES)
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "alert_rule_test": [expected(name, series, at, fires=True)],
        }
        for name, (series, at) in FIRES.items()
    ]
    quiet = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in QUIET.items()],
        "alert_rule_test": [expected(name, series, "9h", fires=False) for name, (series, _) in FIRES.items()],
    }
    (folder / "tests.yaml").write_text(json.dumps({"rule_files": ["rules.yaml"], "tests": [*tests, quiet]}))

    promtool("test", "rules", "tests.yaml", cwd=folder)


def test_prometheus_takes_the_rules(folder: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "rules.yaml", cwd=folder)
