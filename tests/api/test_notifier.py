from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import LabelSelector, Notifier, parse
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.manifest.key import AppKey, Object


def notifier(**fields: Any) -> Notifier:
    return parse({"metadata": {"name": "chat", "namespace": "gitops-system", "generation": 2}, "spec": fields})


def test_a_webhook_is_read() -> None:
    webhook = notifier(provider="webhook", address="https://example.com/hook", events=["Degraded", "Recovered"])

    assert (webhook.key, webhook.generation) == (AppKey("gitops-system", "chat"), 2)
    assert webhook.spec.events == (EventType.DEGRADED, EventType.RECOVERED)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "spec.provider: is missing"),
        ({"provider": "pigeon"}, "spec.provider"),
        ({"provider": "webhook"}, "needs an address or a secretRef"),
        ({"provider": "github", "address": "https://api.example.com"}, "this provider needs a secretRef with its credentials"),
        ({"provider": "gitea", "secretRef": {"name": "x"}}, "this provider needs the address of the server"),
        (
            {"provider": "teams", "address": "https://example.com", "messages": "living"},
            "messages of this provider cannot be edited",
        ),
        ({"provider": "slack", "address": "https://example.com", "messages": "one"}, "spec.messages"),
        ({"provider": "email", "secretRef": {"name": "x"}}, "e-mail needs the address of a server"),
        (
            {"provider": "email", "secretRef": {"name": "x"}, "address": "https://smtp.example.com"},
            "e-mail needs the address of a server",
        ),
        ({"provider": "slack", "address": "smtps://smtp.example.com"}, "all others are http or https"),
        ({"provider": "webhook", "address": "ftp://example.com"}, "is not an http or https address"),
        ({"provider": "webhook", "address": "https://u:p@example.com"}, "holds a password"),
        ({"provider": "webhook", "address": "https://example.com", "adress": "x"}, "did you mean address?"),
        (
            {
                "provider": "webhook",
                "address": "https://example.com",
                "applications": {"matchExpressions": [{"key": "a", "operator": "In"}]},
            },
            "In and NotIn need values",
        ),
        (
            {"provider": "webhook", "address": "https://example.com", "applications": {"matchLabels": {"no label": "x"}}},
            "the key 'no label' is not a label",
        ),
    ],
)
def test_a_wrong_spec_is_refused(fields: Object, message: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        notifier(**fields)

    assert message in str(caught.value)


LABELS = {"team": "shop", "tier": "gold"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"team": "shop"}}, True),
        ({"matchLabels": {"team": "shop", "tier": "tin"}}, False),
        ({"matchLabels": {"absent": ""}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold", "tin"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]}, False),
        ({"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"team": "shop"}, "matchExpressions": [{"key": "absent", "operator": "Exists"}]}, False),
    ],
)
def test_a_selector_chooses_by_labels(selector: Object, expected: bool) -> None:  # noqa: FBT001 - what is expected
    assert LabelSelector.model_validate(selector).matches(LABELS) is expected
