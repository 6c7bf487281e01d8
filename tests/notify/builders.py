"""Short ways to write events, messages and Notifiers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gitops_agent.api.notifier import Notifier, NotifierSpec, parse
from gitops_agent.cluster.secrets import SecretContent
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.httpclient.allowed_hosts import ANYWHERE
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.notify.message import Message
from gitops_agent.revision.revision import Revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEB = ObjectKey("apps", "Deployment", "shop", "web")


class SecretData:
    """A reader of Secrets that all hold the same."""

    def __init__(self, **data: bytes) -> None:
        self._data = data
        self.hosts = ANYWHERE

    def read(self, _namespace: str, _name: str) -> SecretContent:
        return SecretContent(data=self._data, hosts=self.hosts)


def revision(**fields: Any) -> Revision:
    known = {"repository": "https://github.com/acme/config.git", "ref": "main", "commit": COMMIT}
    return Revision(**known | {"author": "Ada <ada@example.org>", "subject": "Raise the limit"} | fields)


def event(type_: EventType = EventType.DEGRADED, *, namespace: str = "ops", name: str = "shop", **fields: Any) -> Event:
    known: dict[str, Any] = {
        "at": NOON,
        "severity": Severity.ERROR,
        "reason": type_.value,
        "message": "apps/Deployment:shop/web: crash",
    }
    return Event(
        type=type_, application=AppKey(namespace, name), **known | {"revision": revision(), "objects": (WEB,)} | fields
    )


def message(type_: EventType = EventType.DEGRADED, **fields: Any) -> Message:
    return Message.of(event(type_, **fields))


def notifier(namespace: str = "ops", name: str = "hook", **spec: Any) -> Notifier:
    spec = {"provider": "webhook", "address": "http://127.0.0.1:1/"} | spec
    return parse({"metadata": {"namespace": namespace, "name": name, "uid": "u", "generation": 1}, "spec": spec})


def spec(provider: str, **fields: Any) -> NotifierSpec:
    """The spec of a Notifier whose credentials are in a Secret."""
    return notifier(provider=provider, **({"address": None, "secretRef": {"name": "s"}} | fields)).spec


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **delta: float) -> None:
        self.now += timedelta(**delta)
