"""No value of a Secret is ever published, even in failures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.objects import config_map, files, secret
from tests.acceptance.proxy import Call, Fault, Proxy
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_notifications import notifier
from tests.acceptance.webhook_receiver import WebhookReceiver

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

CANARY = "canary-7f3a9c51e0b24d68"
ENCODED = base64.b64encode(CANARY.encode()).decode()
CREDENTIAL = "canary-credential-91be27"
KUSTOMIZE = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


@pytest.fixture
def hooks() -> Iterator[WebhookReceiver]:
    webhook_receiver = WebhookReceiver()
    yield webhook_receiver
    webhook_receiver.stop()


def _ways() -> dict[str, dict[str, str]]:
    """Repositories that fail with the canary in hand, by name."""
    good = files(secret("token", password=CANARY))["secret-token.yaml"]
    immutable: Object = {**secret("token", password=CANARY), "type": "kubernetes.io/tls"}
    numbers = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: token}}\ndata: {{password: [{CANARY}]}}\n"
    return {
        "bad-type": files(immutable),
        "no-base64": {
            "secret.yaml": f"apiVersion: v1\nkind: Secret\nmetadata: {{name: token}}\ndata: {{password: '{CANARY}'}}\n"
        },
        "bad-key": {"secret.yaml": good.replace("password", "pass word/é")},
        "unknown-field": {"secret.yaml": good + f"passphrase: {CANARY}\n"},
        "a-list": {"secret.yaml": numbers},
        "bad-yaml": {"secret.yaml": good + f"  broken: [{CANARY}\n"},
        "duplicate-key": {"secret.yaml": good + f"stringData: {{password: {CANARY}}}\n"},
        "twice": {"one.yaml": good, "two.yaml": good},
        "kustomize": {"kustomization.yaml": f"{KUSTOMIZE}secretGenerator: [{{name: token, literals: [{CANARY}]}}]\n"},
        "helm": {
            "Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
            "values.yaml": f"password: {CANARY}\n",
            "templates/secret.yaml": "{{ fail .Values.password }}\n",
        },
    }


def test_a_secret_appears_in_nothing_the_agent_says_however_it_fails(own: Tenant, hooks: WebhookReceiver) -> None:
    with Proxy(own.plane) as proxy:
        notifier(own.installed, "hooks", hooks.url)
        kubeconfig = own.installed.kubeconfig_for(proxy.url, "proxied")
        settings = {"leader__enabled": "false", "log__level": "debug"}
        agent = own.agent = own.installed.start(kubeconfig=kubeconfig, settings=settings)
        own.apply(secret("git", username="ada", password=CREDENTIAL), namespace=own.installed.namespace)
        commit = own.commit({"good/secret.yaml": files(secret("token", password=CANARY))["secret-token.yaml"]})
        own.declare("good", source={"path": "good"})
        own.settled(commit, "good")
        own.edit("Secret", "token", {"stringData": {"password": f"{CANARY}-by-hand"}})
        own.until(lambda: own.get("Secret", "token")["data"]["password"] == ENCODED, "the drift is repaired")  # type: ignore[index]

        for name, contents in _ways().items():
            own.repository.commit({f"{name}/{file}": text for file, text in contents.items()})
            own.declare(name, source={"path": name}, destination={"namespace": own.namespace})
        own.declare("away", source={"repoURL": "https://127.0.0.1:9/r.git", "secretRef": {"name": "git"}})
        own.ask()
        names = [*_ways(), "away"]
        failed = {"False"}
        for name in names:
            own.until(
                lambda name=name: own.condition("Ready", name).get("status") in failed or _away(own, name),  # type: ignore[misc]
                f"{name} has failed",
            )

        proxy.rule = lambda call: Fault(tear=True) if _of_secrets(call) else None
        own.edit("Secret", "token", {"stringData": {"password": f"{CANARY}-again"}})
        refused = proxy.count(_of_secrets)
        own.until(lambda: proxy.count(_of_secrets) > refused, "a write of the Secret is torn")
        proxy.rule = None
        own.until(lambda: own.get("Secret", "token")["data"]["password"] == ENCODED, "the drift is repaired")  # type: ignore[index]
        own.until(lambda: hooks.of("DriftDetected") and hooks.of("SyncFailed"), "the receiver hears of it")
        assert agent.stop() == 0

    surfaces = {
        **{f"log {n}": line for n, line in enumerate(agent.log.read_text(errors="replace").splitlines())},
        "webhooks": json.dumps(hooks.messages),
        "applications": json.dumps(_without_spec(own, "applications")),
        "notifiers": json.dumps(_without_spec(own, "notifiers")),
        "events": json.dumps(_events(own, own.installed.namespace) + _events(own, own.namespace)),
    }
    words = (CANARY, ENCODED, CREDENTIAL, base64.b64encode(CREDENTIAL.encode()).decode())
    leaks = [
        f"{place}: {text[max(0, text.find(word) - 200) : text.find(word) + 60]}"
        for place, text in surfaces.items()
        for word in words
        if word in text
    ]
    assert not leaks


def test_a_secret_is_in_no_metric(team: Tenant) -> None:
    commit = team.commit(files(secret("token", password=CANARY), config_map("good")))
    team.declare()
    team.settled(commit)
    agent = team.agent
    assert agent is not None

    text = agent.metrics()

    assert "gitops_agent_reconciles_total" in text
    assert CANARY not in text
    assert ENCODED not in text


def _of_secrets(call: Call) -> bool:
    return call.write and "/secrets/" in call.path


def _away(team: Tenant, name: str) -> bool:
    return bool(((team.application(name).get("status") or {}).get("source") or {}).get("unavailableSince"))


def _without_spec(team: Tenant, plural: str) -> list[Object]:
    items = team.plane.request("GET", team.installed.path(plural))["items"]
    return [{name: value for name, value in item.items() if name != "spec"} for item in items]


def _events(team: Tenant, namespace: str) -> list[Object]:
    items: list[Object] = team.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
    return items
