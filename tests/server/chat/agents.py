"""An agent behind the chat, and the listener in front of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import urllib3

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.chat.identities import FILE, Identities, identities_of
from gitops_agent.server.chat.response_url import ResponseUrls
from gitops_agent.server.chat.service import ChatBackend
from gitops_agent.server.chat.slack_app import SlackChat
from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.source import ClusterSource, Source
from gitops_agent.server.webhooks.app import webhook_app
from tests.server.chat.requests import DANA, LI, SECRET, TEAM, signed, slash


def entry(member: str, user: str, **more: object) -> Object:
    return {"slack": {"team": TEAM, "user": member}, "user": user, **more}


PEOPLE = [entry(DANA, "dana@acme", authors=["dana@example.com"]), entry(LI, "li@acme", authors=["Ada"])]


@dataclass
class KnownAgent(ChatBackend):
    """An agent whose Secret and ConfigMap are known."""

    source: Source
    client: ClusterClient
    keys: tuple[bytes, ...] | None = (SECRET,)
    people: list[Object] = field(default_factory=lambda: list(PEOPLE))
    recorded: list[str] = field(default_factory=list)
    files: bool = False
    four_eyes: bool = False

    def secrets(self) -> tuple[bytes, ...] | None:
        return self.keys

    def identities(self) -> Identities:
        return identities_of({FILE: dump({"identities": self.people}).encode()}, "ConfigMap a/b")

    def access(self) -> ClusterClient:
        return self.client

    def record(self, obj: Object, message: str) -> None:
        self.recorded.append(f"{obj['kind']} {message}")


def away(folder: Path, *applications: Object) -> KnownAgent:
    """An agent whose API server does not answer."""
    kubeconfig = write_kubeconfig(folder / "away", server="http://127.0.0.1:1", authority=b"", user="u", token="t")
    access = ClusterClient.open(str(kubeconfig), None, "gitops")
    source = ClusterSource(access)
    source.replace("Application", list(applications))
    return KnownAgent(source, access)


@dataclass(frozen=True)
class Slack:
    """Slack, as the agent hears of it."""

    address: str

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
        sent = signed(body) if headers is None else headers
        return urllib3.request("POST", self.address, body=body, headers=sent, retries=False, timeout=60)

    def says(self, text: str, **fields: str) -> str:
        """The whole text of the answer to a command."""
        answer = self.post(slash(text, trigger_id=uuid.uuid4().hex, **fields))
        assert answer.status == 200
        return shown(answer.data)


def shown(body: bytes) -> str:
    return "\n".join(block["text"]["text"] for block in orjson.loads(body)["blocks"])


@contextmanager
def listening(backend: ChatBackend, late: ResponseUrls | None = None, *, patience_seconds: float = 20.0) -> Iterator[Slack]:
    """The listener of webhooks with nothing but Slack."""
    chat = SlackChat(backend, late, patience_seconds=patience_seconds)
    server = HttpServer(webhook_app(None, chat), listen("127.0.0.1", 0, setting="webhooks"), name="test-chat")
    server.start()
    try:
        yield Slack(f"http://127.0.0.1:{server.port}/chat/slack")
    finally:
        server.stop()
        chat.stop()
