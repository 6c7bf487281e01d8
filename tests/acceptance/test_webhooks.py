"""Admission webhooks that are down, hang or deny while objects are applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.admission_server import AdmissionServer, Behaviour
from tests.acceptance.objects import config_map, files, service
from tests.acceptance.tenant import Tenant
from tests.source.certificates import Certificates

pytestmark = [pytest.mark.cluster, pytest.mark.faults]


@pytest.fixture
def admission(team: Tenant, tmp_path: Path) -> Iterator[AdmissionServer]:
    """A webhook for the ConfigMaps of the team, registered but down."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    with AdmissionServer(Certificates(folder), team.namespace) as server:
        team.apply(server.configuration, namespace="")
        yield server
        kind = server.configuration["kind"]
        team.delete(kind, team.namespace, api=server.configuration["apiVersion"], namespace="")


def in_force(team: Tenant, text: str) -> None:
    """Waits until the API server refuses ConfigMaps with this text."""

    def refused() -> bool:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}}
        try:
            team.plane.request("POST", f"/api/v1/namespaces/{team.namespace}/configmaps?dryRun=All", body)
        except Exception as error:  # noqa: BLE001 - whichever way it is refused
            return text in str(error)
        return False

    team.until(refused, "the webhook is in force")


def declared(team: Tenant) -> str:
    """One application whose objects the webhook sees, and one without such objects."""
    concerned = {f"concerned/{name}": text for name, text in files(config_map("good")).items()}
    commit = team.commit(concerned | {f"other/{name}": text for name, text in files(service("web")).items()})
    team.declare(source={"path": "concerned"})
    team.declare("other", source={"path": "other"})
    return commit


def test_a_webhook_that_is_down_stops_only_what_it_must_be_asked_about_until_it_is_up(
    team: Tenant, admission: AdmissionServer
) -> None:
    in_force(team, "failed calling webhook")
    commit = declared(team)

    assert admission.webhook in team.says("WebhookUnavailable")
    team.settled(commit, "other")

    admission.start()
    team.settled(commit)
    assert team.configs() == {"good"}


def test_a_webhook_that_hangs_stops_only_what_it_must_be_asked_about_until_it_answers(
    team: Tenant, admission: AdmissionServer
) -> None:
    admission.behaviour = Behaviour.HANG
    admission.start()
    in_force(team, "failed calling webhook")
    commit = declared(team)

    message = team.says("WebhookUnavailable")
    assert (admission.webhook in message, "deadline" in message) == (True, True)
    team.settled(commit, "other")

    admission.behaviour = Behaviour.ALLOW
    team.settled(commit)
    assert team.configs() == {"good"}


def test_what_a_webhook_denies_is_reported_in_its_words_and_applied_once_it_allows_it(
    team: Tenant, admission: AdmissionServer
) -> None:
    admission.behaviour = Behaviour.DENY
    admission.start()
    in_force(team, "denied the request")
    commit = declared(team)

    message = team.says("Invalid")
    assert (admission.webhook in message, "not on a Friday" in message) == (True, True)
    team.settled(commit, "other")

    admission.behaviour = Behaviour.ALLOW
    team.settled(commit)
    assert team.configs() == {"good"}
