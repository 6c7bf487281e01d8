"""Reviews what the accounts of Applications may do.

Two questions need the authorizer's answer before anything is sent: which of two Applications that declare one object can write
it, and which deletions an account may make at all. Both are rare, so an answer costs a request and is kept for a minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from gitops_agent.cluster.account_tokens import AccountTokens
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Forbidden
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.observe.log import logger

_log = logger("agent")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_KEPT_SECONDS = 60.0
_KEPT = 10_000

_Question = tuple[str | None, str, ObjectKey]


class AccountAccess:
    """Asks SelfSubjectAccessReviews as an account; thread-safe.

    Args:
        objects: the cluster.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._clock = objects, clock
        self._lock = threading.Lock()
        self._answers: dict[_Question, tuple[bool, float]] = {}

    def may_apply(self, user: str | None, key: ObjectKey, *, exists: bool) -> bool:
        """Whether an account may apply an object; the agent's own for None.

        True as well where the API server gives no answer: then the apply shows it.
        """
        return all(self._may(user, verb, key) for verb in (("patch",) if exists else ("patch", "create")))

    def require_read(self, user: str, key: ObjectKey) -> None:
        """Checks that an account may read an object.

        Raises:
            Forbidden: it may not.
            AgentError: the API server gives no answer.
        """
        if not self._answer(user, "get", key):
            raise Forbidden(f"{user} may not get the {key.kind} {key.namespace}/{key.name}")

    def tokens(self, namespace: str, name: str) -> AccountTokens:
        """The tokens of a ServiceAccount, which the agent's own account asks for."""
        return AccountTokens(transport=self._objects.transport, namespace=namespace, name=name)

    def undeletable(self, user: str | None, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """The objects that an account may certainly not delete."""
        return frozenset(key for key in keys if not self._may_delete(user, key))

    def _may_delete(self, user: str | None, key: ObjectKey) -> bool:
        every = ObjectKey(key.group, key.kind, key.namespace, "")
        return self._may(user, "delete", every) or self._may(user, "delete", key)

    def _may(self, user: str | None, verb: str, key: ObjectKey) -> bool:
        try:
            return self._answer(user, verb, key)
        except AgentError as error:
            _log.warning("permissions cannot be reviewed", object=str(key), verb=verb, user=user, error=error)
            return True

    def _answer(self, user: str | None, verb: str, key: ObjectKey) -> bool:
        question, now = (user, verb, key), self._clock()
        with self._lock:
            answer = self._answers.get(question)
        if answer is not None and now - answer[1] < _KEPT_SECONDS:
            return answer[0]
        allowed = self._ask(user, verb, key)
        with self._lock:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            self._answers[question] = (allowed, now)
        return allowed

    def _ask(self, user: str | None, verb: str, key: ObjectKey) -> bool:
        resource = self._objects.discovery.find(key.group, key.kind)
        attributes = {"verb": verb, "group": key.group, "resource": resource.plural, "name": key.name}
        if key.namespace:
            attributes["namespace"] = key.namespace
        kind = "SelfSubjectAccessReview"
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": {"resourceAttributes": attributes}}
        answer = self._objects.transport.request("POST", _REVIEWS, body=body, as_user=user)
        return bool((answer.get("status") or {}).get("allowed"))
