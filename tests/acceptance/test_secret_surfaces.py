"""No value of a Secret is on any surface of an agent.

Values of a ConfigMap go the same ways, and are found, so the search would find the Secret's.
"""

from __future__ import annotations

import json
from functools import partial

import pytest
import urllib3

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import Object
from gitops_agent.server.shares.share_key import SHARE_SECRET
from tests.acceptance.canary import Canary, found, places
from tests.acceptance.dashboard_viewer import DashboardViewer
from tests.acceptance.installed_agent import APPLY, SECONDS, apply
from tests.acceptance.objects import config_map, config_maps, files, secret
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_notifications import notifier
from tests.acceptance.test_rollout_commands import Shell
from tests.notify.receiver import Handler, Receiver, Told
from tests.telemetry.collector import Collector, collecting

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

DATA, STRING = Canary("c5e0f61c7a01", "d0b4a9f3e201"), Canary("c5e0f61c7a02", "d0b4a9f3e202")
BY_HAND, REFUSED = Canary("c5e0f61c7a03", "d0b4a9f3e203"), Canary("c5e0f61c7a04", "d0b4a9f3e204")
HELD, CREDENTIAL = Canary("c5e0f61c7a05", "d0b4a9f3e205"), Canary("c5e0f61c7a06", "d0b4a9f3e206")
SECRETS = (DATA, STRING, BY_HAND, REFUSED, HELD, CREDENTIAL)
SHOWN, SHOWN_BY_HAND = Canary("b7c1d2e3f401", "a9b8c7d6e501"), Canary("b7c1d2e3f402", "a9b8c7d6e502")
SHOWN_REFUSED, SHOWN_HELD = Canary("b7c1d2e3f403", "a9b8c7d6e503"), Canary("b7c1d2e3f404", "a9b8c7d6e504")
ITEMS = 7
SETTINGS = {
    "leader__enabled": "false",
    "log__level": "debug",
    "cluster__name": "prod-eu",
    "server__external_url": "https://gitops.example.com/",
    "dashboard__enabled": "true",
    "dashboard__address": "127.0.0.1",
    "dashboard__port": "0",
    "dashboard__share_links": "true",
}
REPEATED = {
    *("answer of events", "answer of timeline", "answer of sharedTimeline", "stream", "command events", "command history"),
    *("received at /hook", "received at /slack", "received at /github", "applications", "events", "log"),
}
"""Where the text of a refusal belongs."""
TEMPLATE = "{{ message }} {{ facts }} {{ objects }} {{ revision }}"
EVENTS = [event.value for event in EventType if event is not EventType.TEST]


def take(_: Told, handler: Handler) -> None:
    """The answer of a forge that made a deployment, and of Slack."""
    handler.answer(201, b'{"id": 42, "ok": true, "channel": "C1", "ts": "1.0"}')


def declared(secret: Canary, shown: Canary, *, items: int = ITEMS) -> dict[str, str]:
    """The files of a commit: a Secret, a ConfigMap and small objects."""
    return files(token(secret), config_map("settings", tone=shown.value), *config_maps(items))


def refused(secret: Canary | None, shown: Canary | None) -> dict[str, str]:
    """The files of a commit that the API server refuses."""
    settings = config_map("settings", tone=SHOWN.value) | ({"immutable": shown.value} if shown else {})
    return files(token(HELD) | ({"immutable": secret.value} if secret else {}), settings, *config_maps(ITEMS))


def token(password: Canary) -> Object:
    """The Secret."""
    return {**secret("token", text=STRING.value), "data": {"password": password.encoded}}


def announce(team: Tenant, receiver: Receiver) -> None:
    """Creates three Notifiers of one receiver: webhook, chat and commit status."""
    address = receiver.url.removesuffix("/hook")
    token = {"token": CREDENTIAL.value, "hmac": CREDENTIAL.value, "channel": "#ops"}
    team.apply(secret("receiver", **token), namespace=team.installed.namespace)
    hooks = {"provider": "webhook", "events": EVENTS}
    chat = {"provider": "slack", "events": EVENTS, "template": TEMPLATE}
    forge = {"provider": "github", "repository": "acme/config", "commitStatus": {"deployments": True}}
    specs: dict[str, Object] = {"/hook": hooks, "/slack": chat, "/github": forge}
    for path, spec in specs.items():
        notifier(team.installed, path[1:], f"{address}{path}", secretRef={"name": "receiver"}, **spec)


def heard(receiver: Receiver, path: str, key: str, value: str) -> list[Told]:
    """What was received below a path with this value in the document."""
    return [sent for sent in receiver.told if sent.path.startswith(path) and sent.json.get(key) == value]


def test_no_value_of_a_secret_is_on_any_surface(own: Tenant) -> None:
    assert REFUSED.first in refusal(own), "the API server repeats a field that it does not take"
    with Receiver(take) as receiver, collecting() as collector:
        surfaces = lived(own, receiver, collector)

    assert found(SECRETS, surfaces) == {}
    assert places(found([SHOWN_REFUSED], surfaces)) >= REPEATED
    assert places(found([SHOWN_HELD], surfaces)) >= {"answer of plan", "answer of diff", "answer of live diff", "command diff"}
    assert places(found([SHOWN_BY_HAND], surfaces)) >= {
        "answer of drift",
        "answer of object of the ConfigMap",
        "answer of plan",
    }
    assert own.name("app") in surfaces["metrics"]
    assert own.name("app") in surfaces["traces"]


def refusal(own: Tenant) -> str:
    """What the API server itself says to the Secret that it refuses."""
    body = {**token(HELD), "immutable": REFUSED.value}
    url = f"{own.plane.host}/api/v1/namespaces/{own.namespace}/secrets/token?fieldManager=somebody"
    headers = {"Authorization": f"Bearer {own.installed.token}", "Content-Type": APPLY}
    with urllib3.PoolManager(ca_cert_data=own.plane.authority.decode()) as pool:
        answer = pool.request("PATCH", url, body=json.dumps(body), headers=headers, retries=False, timeout=SECONDS)
    assert answer.status >= 400
    return answer.data.decode()


def lived(own: Tenant, receiver: Receiver, collector: Collector) -> dict[str, str]:
    """What an agent says of drift, refused and held commits."""
    installed = own.installed
    metadata = {"name": SHARE_SECRET, "namespace": installed.namespace}
    apply(installed.plane, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
    announce(own, receiver)
    agent = own.agent = installed.start(settings=SETTINGS, variables={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    viewer = DashboardViewer(agent, installed.administrator("viewer"))
    first = own.commit(declared(DATA, SHOWN))
    own.declare()
    own.settled(first)
    path = f"/api/v1/applications/{installed.namespace}/{own.name('app')}"
    streamed: list[str] = []
    with viewer.stream(f"rows,agent,app:{installed.namespace}/{own.name('app')}") as stream:

        def shows(text: str) -> bool:
            streamed.append(stream.readline().decode())
            return text in streamed[-1]

        drift(own)
        repaired = partial(heard, receiver, "/hook", "event", "DriftRepaired")
        own.until(lambda: "Secret" in "".join(sent.body.decode() for sent in repaired()), "the drift is repaired")
        for files_, kind in ((refused(None, SHOWN_REFUSED), "ConfigMap"), (refused(REFUSED, None), "Secret")):
            broken = own.commit(files_)
            failed = partial(heard, receiver, f"/github/repos/acme/config/statuses/{broken}", "state", "failure")
            own.until(failed, f"the forge hears of the refused {kind}")
            own.until(lambda kind=kind: shows(f"{kind}:{own.namespace}"), f"the page hears of the refused {kind}")  # type: ignore[misc]
        held = own.replace(declared(HELD, SHOWN_HELD, items=0))
        own.until(partial(heard, receiver, "/hook", "event", "HeldForApproval"), "the receiver hears of the held plan")
        own.until(lambda: shows("HeldForApproval"), "the page hears of the held plan")
    drift(own)
    own.until(lambda: SHOWN_BY_HAND.first in viewer.ask("GET", f"{path}/drift")[1], "the drift is seen")
    surfaces = {
        **asked(own, viewer, path, f"?from=rev:{first}&to=rev:{held}"),
        "stream": "".join(streamed),
        **printed(own),
        "metrics": agent.metrics(),
        **{plural: json.dumps(own.plane.request("GET", installed.path(plural))) for plural in ("applications", "notifiers")},
        "events": events(own, installed.namespace) + events(own, own.namespace),
    }
    assert agent.stop() == 0
    received = {root: [sent for sent in receiver.told if sent.path.startswith(root)] for root in ("/hook", "/slack", "/github")}
    return {
        **surfaces,
        **{f"received at {root}": "".join(sent.path + sent.body.decode() for sent in all_) for root, all_ in received.items()},
        "traces": "".join(body.decode(errors="replace") for body in collector.bodies),
        "log": agent.log.read_text(errors="replace"),
    }


def drift(own: Tenant) -> None:
    """Other values, written by hand."""
    own.edit("ConfigMap", "settings", {"data": {"tone": SHOWN_BY_HAND.value}})
    own.edit("Secret", "token", {"stringData": {"password": BY_HAND.value, "text": BY_HAND.value}})


def asked(own: Tenant, viewer: DashboardViewer, path: str, commits: str) -> dict[str, str]:
    """Every readable answer about the Application, its Secret and its ConfigMap."""
    namespace, name = own.installed.namespace, own.name("app")
    status, text = viewer.ask("POST", "/api/v1/share", {"application": {"namespace": namespace, "name": name}, "ttl": "8h"})
    assert status == 201, text
    share = json.loads(text)["url"].rpartition("/")[2]
    names = {"namespace": namespace, "name": name, "objectNamespace": own.namespace, "share": share}
    names |= {"group": "core", "kind": "Secret", "object": "token"}
    answers = viewer.answers(names, {"diff": commits, "timeline": "?commits=true"})
    answers["object of the ConfigMap"] = viewer.ask("GET", f"{path}/objects/core/ConfigMap/{own.namespace}/settings")
    answers["live diff"] = viewer.ask("GET", f"{path}/diff?from=live&to=plan")
    assert {operation for operation, (status, _) in answers.items() if status != 200} == {"rollout", "sharedRollout"}
    return {f"answer of {operation}": text for operation, (_, text) in answers.items()}


def printed(own: Tenant) -> dict[str, str]:
    """The output of commands about the Application."""
    shell = Shell(own)
    differs = shell.run("diff", shell.application, code=3)
    return {"command diff": differs} | {f"command {word}": shell.run(word, shell.application) for word in ("events", "history")}


def events(own: Tenant, namespace: str) -> str:
    """The Kubernetes Events of a namespace."""
    return json.dumps(own.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"))
