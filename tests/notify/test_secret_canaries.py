"""No credential leaves by messages, statuses of commits or errors.

Generated from the tables of providers, so that a new one is covered without a new line.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from email import message_from_bytes
from urllib.parse import quote

import pytest

from gitops_agent.api.notifier import NotifierSpec, Provider
from gitops_agent.cluster.secrets import SecretContent
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.mail import Mail
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.notify import template
from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.message import Message
from gitops_agent.notify.providers import DEPLOYMENTS, EDITORS, FORGES, PROVIDERS
from gitops_agent.notify.sender import hidden, judged
from tests.notify.builders import NOON, event, revision, spec
from tests.notify.senders import commit_status

CANARY = "canary7f3a9c51do/not+show="
BARE = "canary7f3a9c51"
SHAPES = {
    "address": f"https://robot:{BARE}@git.example.com/acme/config",
    "header": f"Authorization: Basic {CANARY}",
    "variable": f"DB_PASSWORD={CANARY}",
    "json": f'{{"token": "{CANARY}"}}',
    "key": f"-----BEGIN EC PRIVATE KEY----- {CANARY}",
}
FACTS = {"password": CANARY, "error": {"token": CANARY}, "url": SHAPES["address"]}
SECRET = {
    "token": f"12345:{BARE}-do_not_show".encode(),
    "username": b"robot",
    "password": CANARY.encode(),
    "chat": b"-100123",
    "channel": b"ops",
    "address": f"https://hooks.example.com/{BARE}".encode(),
    "from": b"agent@acme.test",
    "to": b"ops@acme.test",
    "key": CANARY.encode(),
}
IN_BODY = {Provider.PAGERDUTY}
"""Whose API takes the Notifier's own credential in the body."""
TEMPLATE = "{{ message }} {{ facts }} {{ revision.repository }} {{ revision.author }} {{ revision.subject }} {{ objects }}"


def notifier(name: Provider) -> NotifierSpec:
    address = "smtps://smtp.example.com" if name is Provider.EMAIL else "https://forge.example.com"
    repository = "acme/shop/config" if name is Provider.AZUREDEVOPS else "acme/config"
    return spec(name, address=address, repository=repository if name in FORGES else None)


def hostile(shape: str) -> Message:
    """A message that has a credential in each text."""
    return Message.of(
        event(
            message=f"web: {shape}",
            reason=shape,
            facts={**FACTS, "text": shape},
            objects=(ObjectKey("", "Secret", "shop", shape),),
            revision=revision(repository=shape, ref=shape, author=shape, subject=shape),
        )
    )


def edits(name: Provider, message: Message, text: str, own: dict[str, bytes]) -> Iterator[Request]:
    """The request that edits a message; ids have many forms."""
    for posted in ("C012345678 1750000000.000100", "1234567890", "a1b2c3d4e5f6g7h8i9j0k1l2m3", "-100123 7"):
        with contextlib.suppress(DeliveryError):
            yield EDITORS[name].update(message, text, posted, own, notifier(name), now=NOON)
            return


def content(request: Request | Mail) -> str:
    """What a receiver reads."""
    if isinstance(request, Request):
        return request.body.decode() + request.url
    mail = message_from_bytes(request.body)
    parts = [part.get_payload(decode=True) for part in mail.walk()]
    return f"{mail.items()} {parts}"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_no_message_shows_a_credential_of_its_event(name: Provider, shape: str) -> None:
    provider, message = PROVIDERS[name], hostile(shape)
    own = {key: value.replace(BARE.encode(), b"0wn") for key, value in SECRET.items()}
    requests: list[Request | Mail] = []
    for text in ("\n".join(message.lines), template.render(TEMPLATE, message)):
        requests.append(provider.request(message, text, own, notifier(name), now=NOON))
        if name in EDITORS:
            requests += edits(name, message, text, own)

    assert len(requests) == (4 if name in EDITORS else 2)
    assert [BARE in content(request) for request in requests] == [False] * len(requests)


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - IN_BODY))
def test_no_message_shows_the_credential_that_sends_it(name: Provider) -> None:
    request = PROVIDERS[name].request(hostile(""), "the text", SECRET, notifier(name), now=NOON)

    assert BARE not in request.body.decode()
    assert BARE not in repr(request)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", sorted(FORGES))
def test_no_status_of_a_commit_or_deployment_shows_a_credential(name: Provider, shape: str) -> None:
    own = {"token": b"12345:t0k"}
    status = commit_status("https://forge.example.com/acme/config", CommitState.FAILURE, description=f"degraded: {shape}")
    requests = [FORGES[name].status(status, own, notifier(name))]
    if name in DEPLOYMENTS:
        deployment = Deployment(status=status, ref="main", environment="prod", id="7")
        requests.append(DEPLOYMENTS[name].create_deployment(deployment, own, notifier(name)))
        requests.append(DEPLOYMENTS[name].deployment_status(deployment, own, notifier(name)))

    assert [BARE in content(request) for request in requests] == [False] * len(requests)


def echoes() -> Iterator[tuple[str, bytes]]:
    """Answers that repeat a credential, encoded or where texts are cut."""
    for value in (SECRET["token"], SECRET["password"], SECRET["address"]):
        basic = base64.b64encode(b"robot:" + value)
        for spelled in (value, quote(value, safe="").encode(), basic, base64.b64encode(value)):
            for before in (0, 170, 185, 280):
                yield spelled.decode()[-20:-8], b"x" * before + b" " + spelled + b" is not valid"
                yield spelled.decode()[:12], b"x" * before + b" " + spelled + b" is not valid"


@pytest.mark.parametrize("name", sorted(Provider))
@pytest.mark.parametrize("status", [400, 401, 500])
def test_no_error_of_a_receiver_shows_the_credential_that_was_sent(name: Provider, status: int) -> None:
    secret = SecretContent(data=SECRET)
    judge = PROVIDERS[name].judge if name in PROVIDERS else FORGES[name].judge
    for part, body in echoes():
        with pytest.raises(AgentError) as caught:
            judged(judge, Answer(status=status, headers={}, body=body), secret, None)
        error = hidden(caught.value, secret, None)
        assert part not in f"{error} {error.facts}", body
