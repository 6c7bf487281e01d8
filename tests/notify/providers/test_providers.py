from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import EDITED, Provider
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.mail import Mail
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.forge import Forge
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Provider as MessageProvider
from gitops_agent.notify.providers import DEPLOYMENTS, EDITORS, FORGES, PROVIDERS
from tests.notify.builders import NOON, message, spec
from tests.notify.senders import commit_status

ADDRESS = "https://forge.example.com"
WITHOUT_CREDENTIALS = {Provider.WEBHOOK, Provider.CLOUDEVENTS, Provider.ALERTMANAGER}
"""Receivers inside a cluster often ask for none."""
JUDGES: Mapping[Provider, MessageProvider | Forge] = {**PROVIDERS, **FORGES}
SECRET = {
    "token": b"12345:abcdefghijkl",
    "chat": b"1",
    "channel": b"ops",
    "address": b"https://hooks.example.com/x",
    "from": b"agent@acme.test",
    "to": b"ops@acme.test",
}
MAIL_SERVER = "smtps://smtp.example.com"
OWN_SERVER = {Provider.GITEA, Provider.GRAFANA}


def address_for(name: Provider, other: str | None = ADDRESS) -> str | None:
    """The address that a Notifier of a provider has."""
    return MAIL_SERVER if name is Provider.EMAIL else other


def test_every_provider_of_the_api_is_there() -> None:
    assert set(PROVIDERS) | set(FORGES) == set(Provider)
    assert not set(PROVIDERS) & set(FORGES)
    assert set(DEPLOYMENTS) < set(FORGES)


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - WITHOUT_CREDENTIALS))
def test_a_missing_credential_is_named(name: Provider) -> None:
    wanted = spec(name, address=address_for(name, ADDRESS if name in OWN_SERVER else None))

    with pytest.raises(AgentError) as caught:
        PROVIDERS[name].request(message(), "text", {}, wanted, now=NOON)

    assert caught.value.reason == "SecretInvalid"


@pytest.mark.parametrize("name", sorted(FORGES))
def test_a_missing_token_is_named(name: Provider) -> None:
    wanted = spec(name, address=ADDRESS if name in OWN_SERVER else None, repository=_path(name, "acme/shop/config"))

    with pytest.raises(AgentError) as caught:
        FORGES[name].status(commit_status(), {}, wanted)

    assert caught.value.reason == "SecretInvalid"


@pytest.mark.parametrize("name", sorted(FORGES))
@pytest.mark.parametrize("state", CommitState)
def test_every_state_makes_a_status_that_links_to_its_commit(name: Provider, state: CommitState) -> None:
    wanted, url = spec(name, address=ADDRESS), f"{ADDRESS}/{_path(name, 'acme/shop/_git/config')}"
    link = "https://gitops.example.com/?q=commit%3A0123"

    assert FORGES[name].serves(url, wanted)
    assert not FORGES[name].serves("https://evil.example.com/acme/config", wanted)
    assert link in FORGES[name].status(commit_status(url, state, link=link), {"token": b"t"}, wanted).body.decode()
    assert "gitops.example.com" not in FORGES[name].status(commit_status(url, state), {"token": b"t"}, wanted).body.decode()


def _path(name: Provider, long: str) -> str:
    return long if name is Provider.AZUREDEVOPS else "acme/config"


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_event_of_interest_makes_a_request(name: Provider) -> None:
    secret = SECRET
    wanted = spec(name, address=address_for(name))
    for event in EventType:
        about = message(event)
        if PROVIDERS[name].speaks_of(about, wanted):
            request = PROVIDERS[name].request(about, "", secret, wanted, now=NOON)
            assert isinstance(request, Mail) or request.method == "POST"


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_message_links_to_the_page_that_explains_it(name: Provider) -> None:
    secret = SECRET
    about = message()
    link = "https://gitops.example.com/a/ops/shop"

    def body(sent: Message) -> str:
        return PROVIDERS[name].request(sent, "text", secret, spec(name, address=address_for(name)), now=NOON).body.decode()

    assert link in body(replace(about, link=link))
    assert "gitops.example.com" not in body(about)


@pytest.mark.parametrize("name", sorted(Provider))
def test_a_success_is_one_and_a_receiver_that_is_gone_is_given_up(name: Provider) -> None:
    JUDGES[name].judge(Answer(status=202, headers={}, body=b""))

    with pytest.raises(DeliveryError) as caught:
        JUDGES[name].judge(Answer(status=404, headers={}, body=b"gone"))

    assert not caught.value.transient


@pytest.mark.parametrize("name", sorted(Provider))
def test_an_overloaded_receiver_is_asked_again_when_it_says(name: Provider) -> None:
    with pytest.raises(DeliveryError) as caught:
        JUDGES[name].judge(Answer(status=429, headers={"retry-after": "7"}, body=b""))

    assert caught.value.transient
    assert caught.value.retry_after in (7.0, None)


def test_the_api_offers_edited_messages_where_a_provider_edits() -> None:
    assert set(EDITORS) == set(EDITED)
