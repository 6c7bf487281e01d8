"""Requests of the agent for a viewer, each reviewed first.

Problem: a viewer who was identified by a proxy has no credentials. To impersonate them, the agent would need the right to be
every user and every group, so to be an administrator of the cluster, wherever it is installed. Decision: the agent sends its
own requests, and before each one the API server says whether the viewer may (SubjectAccessReview). So a viewer can do what both
may, and the agent gets no right but that of the question. All requests go through this one door, so no answer can forget it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gitops_agent.cluster.stream import Stream
from gitops_agent.cluster.transport import JSON, Answer, Transport
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import Object
from gitops_agent.server.delegated.api_call import READS, ApiCall, api_call

_AUTHORIZATION = "/apis/authorization.k8s.io/v1"
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_POOL = 4
_VERDICT_SECONDS = 30.0
_VERDICTS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who the agent works for.

    Attributes:
        user: the name.
        groups: the groups.
        reads_only: whether writes are refused whatever RBAC says.
    """

    user: str
    groups: tuple[str, ...]
    reads_only: bool = False


class ReviewedTransport(Transport):
    """Sends what its subject may do.

    Args:
        transport: as the agent.
        subject: who the requests are for.
    """

    def __init__(self, transport: Transport, subject: Subject) -> None:
        super().__init__(transport.load, pool=_POOL)
        self._subject = subject
        self._verdicts: OrderedDict[tuple[str, ApiCall], tuple[float, str]] = OrderedDict()
        self._verdicts_lock = threading.Lock()

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = 30.0,
        as_user: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """See `Transport.exchange`; what the subject may not do is Forbidden."""
        if method == "POST" and (own := self._own_review(path, body)) is not None:
            return own
        self._admit(method, path, query, content_type, as_user)
        return super().exchange(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=timeout,
            headers=headers,
        )

    def stream(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        read_timeout: float,
        open_timeout: float = 30.0,
        accept: str = JSON,
        as_user: str | None = None,
    ) -> Stream:
        """See `Transport.stream`; what the subject may not do is Forbidden."""
        self._admit("GET", path, query, JSON, as_user)
        return super().stream(path, query, read_timeout=read_timeout, open_timeout=open_timeout, accept=accept)

    def _admit(self, method: str, path: str, query: Mapping[str, str] | None, content_type: str, as_user: str | None) -> None:
        """Refuses what the subject may not do.

        Raises:
            Forbidden: with what is missing.
            AgentError: the API server does not say.
        """
        if as_user is not None:
            raise Forbidden("the dashboard impersonates no account for a viewer", status=403)
        call = api_call(method, path, query, content_type)
        for verb in call.verbs if call is not None else ():
            assert call is not None  # noqa: S101 - for the type checker
            if why := self._refusal(verb, call):
                shown = call.resource + (f"/{call.subresource}" if call.subresource else "")
                where = f" in namespace {call.namespace}" if call.namespace else ""
                raise Forbidden(f"{self._subject.user} may not {verb} {shown}{where}{why}", status=403)

    def _refusal(self, verb: str, call: ApiCall) -> str:
        """Why the subject may not use a verb; empty when they may."""
        if self._subject.reads_only and verb not in READS:
            return ": guests only read"
        key = (verb, call)
        with self._verdicts_lock:
            at, why = self._verdicts.get(key, (float("-inf"), ""))
        if time.monotonic() - at < _VERDICT_SECONDS:
            return why
        attributes = {
            "verb": verb,
            "group": call.group,
            "resource": call.resource,
            "subresource": call.subresource,
            "namespace": call.namespace,
            "name": call.name,
        }
        status = self._review(attributes)
        why = "" if status.get("allowed") else ": RBAC does not allow it"
        with self._verdicts_lock:
            self._verdicts[key] = (time.monotonic(), why)
            self._verdicts.move_to_end(key)
            while len(self._verdicts) > _VERDICTS:
                self._verdicts.popitem(last=False)
        return why

    def _review(self, attributes: Object) -> Object:
        spec = {"user": self._subject.user, "groups": list(self._subject.groups), "resourceAttributes": attributes}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = super().exchange("POST", f"{_AUTHORIZATION}/subjectaccessreviews", body=body)
        status = orjson.loads(answer.body).get("status")
        return status if isinstance(status, dict) else {}

    def _own_review(self, path: str, body: Any) -> Answer | None:
        """The answer to a review of the subject by themselves."""
        if path == _SELF:
            return _answer({"userInfo": {"username": self._subject.user, "groups": list(self._subject.groups)}})
        if path == f"{_AUTHORIZATION}/selfsubjectrulesreviews":
            return _answer({"incomplete": True, "resourceRules": [], "nonResourceRules": []})
        if path != f"{_AUTHORIZATION}/selfsubjectaccessreviews":
            return None
        attributes = body["spec"]["resourceAttributes"]
        if self._subject.reads_only and attributes.get("verb") not in READS:
            return _answer({"allowed": False})
        return _answer({"allowed": bool(self._review(attributes).get("allowed"))})


def _answer(status: Object) -> Answer:
    return Answer(201, {}, orjson.dumps({"status": status}))
