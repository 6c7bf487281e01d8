from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from tests.importer.peers import flux, objects, put, spec_of
from tests.importer.test_flux import KUSTOMIZATION, kustomizations

ALERT = """
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: on-call, namespace: flux-system}
spec:
  providerRef: {name: chat}
  eventSeverity: error
  eventSources: [{kind: Kustomization, name: '*'}]
"""
PROVIDER = """
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat, namespace: flux-system}
spec: {type: slack, secretRef: {name: chat}}
"""


def alerts(**changes: Any) -> list[Object]:
    (alert,) = objects(ALERT)
    for path, value in changes.items():
        put(alert, path, value)
    return [*kustomizations(**{"metadata.labels": {"team": "shop"}}), alert, *objects(PROVIDER)]


def test_an_alert_becomes_a_notifier() -> None:
    result = flux(alerts())

    spec = spec_of(result, "on-call")
    assert (spec["provider"], spec["secretRef"]) == ("slack", {"name": "chat"})
    assert "Degraded" in spec["events"]
    assert "Synced" not in spec["events"]
    assert "applications" not in spec
    assert ("Secret", "chat") in {(copy.kind, copy.name) for copy in result.copies}


def test_an_alert_about_some_selects_them_by_a_label() -> None:
    peers = alerts(**{"spec.eventSources": [{"kind": "Kustomization", "name": "web"}]})
    (web,) = objects(KUSTOMIZATION)
    web["metadata"]["name"] = "web"

    result = flux([*peers, web])

    label = {"alerts.gitops-agent.dev/on-call": "true"}
    assert spec_of(result, "on-call")["applications"] == {"matchLabels": label}
    by_name = {resource["metadata"]["name"]: resource["metadata"].get("labels", {}) for resource in result.resources}
    assert label.items() <= by_name["web"].items()
    assert not label.items() <= by_name["shop"].items()


def test_a_provider_of_commit_statuses_names_its_repository() -> None:
    *peers, provider = alerts(**{"spec.eventSeverity": "info"})
    provider["spec"] = {"type": "github", "address": "https://github.com/acme/config.git", "secretRef": {"name": "token"}}

    spec = spec_of(flux([*peers, provider]), "on-call")

    assert spec == {"provider": "github", "repository": "acme/config", "secretRef": {"name": "token"}}


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"spec.providerRef": {"name": "gone"}}, "Provider flux-system/gone was not read"),
        ({"spec.suspend": True}, "it is suspended, so it becomes no Notifier"),
    ],
)
def test_an_alert_without_an_equivalent_is_named(changes: dict[str, Any], note: str) -> None:
    result = flux(alerts(**changes))

    assert [left_out.reasons for left_out in result.left] == [(note,)]


def test_a_provider_without_an_equivalent_is_named() -> None:
    *peers, provider = alerts()
    provider["spec"]["type"] = "opsgenie"

    assert [left_out.reasons for left_out in flux([*peers, provider]).left] == [("there is no notifier for opsgenie",)]


@pytest.mark.parametrize(
    ("kind", "address", "spec"),
    [
        ("generic", "https://hooks.example.com/x", {"provider": "webhook", "address": "https://hooks.example.com/x"}),
        ("msteams", "https://teams.example.com/x", {"provider": "teams", "address": "https://teams.example.com/x"}),
        ("gitlab", "https://gitlab.com/acme/config", {"provider": "gitlab", "repository": "acme/config"}),
        (
            "gitea",
            "https://git.example.com/acme/config",
            {"provider": "gitea", "repository": "acme/config", "address": "https://git.example.com"},
        ),
        (
            "github",
            "https://git.example.com/acme/config",
            {"provider": "github", "repository": "acme/config", "address": "https://git.example.com/api/v3"},
        ),
    ],
)
def test_a_provider_becomes_the_notifier_of_its_service(kind: str, address: str, spec: Object) -> None:
    *peers, provider = alerts(**{"spec.eventSeverity": "info"})
    provider["spec"] = {"type": kind, "address": address, "secretRef": {"name": "token"}}

    assert spec_of(flux([*peers, provider]), "on-call") == spec | {"secretRef": {"name": "token"}}
