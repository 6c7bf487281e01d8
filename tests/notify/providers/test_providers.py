from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import EDITED, Provider
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.message import Message
from gitops_agent.notify.providers import EDITORS, PROVIDERS
from tests.notify.builders import NOON, message, revision, spec

ADDRESS = "https://forge.example.com"
WITHOUT_CREDENTIALS = {Provider.WEBHOOK, Provider.CLOUDEVENTS, Provider.ALERTMANAGER}
"""Receivers inside a cluster often ask for none."""
OWN_SERVER = {Provider.GITEA, Provider.GRAFANA}


def test_every_provider_of_the_api_is_there() -> None:
    assert set(PROVIDERS) == set(Provider)


@pytest.mark.parametrize("name", sorted(set(Provider) - WITHOUT_CREDENTIALS))
def test_a_missing_credential_is_named(name: Provider) -> None:
    repository = "acme/shop/config" if name is Provider.AZUREDEVOPS else "acme/config"
    wanted = spec(name, address=ADDRESS if name in OWN_SERVER else None, repository=repository)

    with pytest.raises(AgentError) as caught:
        PROVIDERS[name].request(message(), "text", {}, wanted, now=NOON)

    assert caught.value.reason == "SecretInvalid"


@pytest.mark.parametrize("name", sorted(Provider))
def test_every_event_of_interest_makes_a_request(name: Provider) -> None:
    secret = {"token": b"12345:abcdefghijkl", "chat": b"1", "channel": b"ops", "address": b"https://hooks.example.com/x"}
    wanted = spec(name, address=ADDRESS)
    path = "acme/shop/_git/config" if name is Provider.AZUREDEVOPS else "acme/config"
    for event in EventType:
        about = message(event, revision=revision(repository=f"{ADDRESS}/{path}"))
        if PROVIDERS[name].speaks_of(about, wanted):
            assert PROVIDERS[name].request(about, "", secret, wanted, now=NOON).method == "POST"


@pytest.mark.parametrize("name", sorted(Provider))
def test_a_message_links_to_the_page_that_explains_it(name: Provider) -> None:
    secret = {"token": b"12345:abcdefghijkl", "chat": b"1", "channel": b"ops", "address": b"https://hooks.example.com/x"}
    path = "acme/shop/_git/config" if name is Provider.AZUREDEVOPS else "acme/config"
    about = message(revision=revision(repository=f"{ADDRESS}/{path}"))
    link = "https://gitops.example.com/a/ops/shop"

    def body(sent: Message) -> str:
        return PROVIDERS[name].request(sent, "text", secret, spec(name, address=ADDRESS), now=NOON).body.decode()

    assert link in body(replace(about, link=link))
    assert "gitops.example.com" not in body(about)


@pytest.mark.parametrize("name", sorted(Provider))
def test_a_success_is_one_and_a_receiver_that_is_gone_is_given_up(name: Provider) -> None:
    PROVIDERS[name].judge(Answer(status=202, headers={}, body=b""))

    with pytest.raises(DeliveryError) as caught:
        PROVIDERS[name].judge(Answer(status=404, headers={}, body=b"gone"))

    assert not caught.value.transient


@pytest.mark.parametrize("name", sorted(Provider))
def test_an_overloaded_receiver_is_asked_again_when_it_says(name: Provider) -> None:
    with pytest.raises(DeliveryError) as caught:
        PROVIDERS[name].judge(Answer(status=429, headers={"retry-after": "7"}, body=b""))

    assert caught.value.transient
    assert caught.value.retry_after in (7.0, None)


def test_the_api_offers_edited_messages_where_a_provider_edits() -> None:
    assert set(EDITORS) == set(EDITED)
