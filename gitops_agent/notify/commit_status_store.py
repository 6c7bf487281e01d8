"""Keeps what was sent to a forge in its Notifier's status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.notifier import Notifier
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Forbidden, Invalid, NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.manifest.marks import TEST_REQUESTED, annotation
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.notify.commit_status_record import CommitRecord
from gitops_agent.observe.log import logger

_log = logger("notify")
_REQUEST = 64
"""Characters of a request for a test message that are read."""


class CommitStatusStore:
    """The status of one Notifier. Not thread-safe.

    Args:
        objects: the cluster.
        notifier: whose status it is.
        clock: aware time, UTC.

    Attributes:
        notifier: may be replaced by a newer form of the same one.
        dirty: whether something is not written yet.
    """

    def __init__(self, objects: Objects, notifier: Notifier, *, clock: Callable[[], datetime]) -> None:
        self._objects, self._clock = objects, clock
        self.notifier = notifier
        self.dirty = False
        status = notifier.status
        self._counts = {name: _count(status, name) for name in ("delivered", "dropped")}
        self._last = str(status.get("lastDelivery") or "")
        self._failure: Object = dict(mapping(status, "lastFailure"))
        self._test: Object = dict(mapping(status, "test"))
        self._conditions = [condition for condition in items(status.get("conditions")) if condition.get("type") != "Stalled"]

    def kept(self) -> list[CommitRecord]:
        """The commits of an earlier process, without unreadable ones."""
        records: list[CommitRecord] = []
        for value in items(self.notifier.status.get("commits")):
            try:
                records.append(CommitRecord.from_json(value))
            except ValueError as error:
                _log.warning("a kept commit cannot be read", error=str(error))
        return records

    def count(self, name: str) -> None:
        """Counts a status that was `delivered` or `dropped`."""
        self._counts[name] += 1
        if name == "delivered":
            self._last = self._moment()
        self.dirty = True

    def fail(self, reason: str, message: str) -> None:
        """Reports that the forge did not take a status."""
        self._failure = {"at": self._moment(), "reason": reason, "message": message}
        self.dirty = True
        self.report(ready=False, reason=reason, message=message)

    def answer_test(self) -> None:
        """Answers a request for a test message, which no forge could show."""
        request = (annotation(self.notifier.raw, TEST_REQUESTED) or "")[:_REQUEST]
        if not request or request == self._test.get("answered"):
            return
        text = f"{self.notifier.spec.provider} shows states of commits, and a test message is about none: push a commit instead"
        answer = {"answered": request, "at": self._moment(), "delivered": False, "reason": "NothingToTest", "message": text}
        self._test, self.dirty = answer, True

    def report(self, *, ready: bool, reason: str, message: str) -> None:
        """Sets the condition Ready."""
        conditions = set_condition(
            self._conditions, "Ready", ready, reason, message, generation=self.notifier.generation, now=self._clock()
        )
        if conditions == self._conditions:
            return
        self._conditions = conditions
        self.dirty = True

    def write(self, commits: list[Object]) -> None:
        """Writes all of it.

        Raises:
            AgentError: it could not be written now.
        """
        status: Object = {
            "commits": commits,
            **self._counts,
            "observedGeneration": self.notifier.generation,
            "conditions": self._conditions,
            "pending": [],
        }
        status |= {
            name: value
            for name, value in (("lastDelivery", self._last), ("lastFailure", self._failure), ("test", self._test))
            if value
        }
        key = NOTIFIER.named(self.notifier.key.namespace, self.notifier.key.name)
        try:
            self._objects.merge_patch(key, {"status": status}, subresource="status")
        except NotFound:
            _log.debug("a notifier is gone", notifier=str(self.notifier.key))
        except (Forbidden, Invalid) as error:
            _log.warning("commit statuses are kept in memory only", notifier=str(self.notifier.key), error=error)
        self.dirty = False

    def _moment(self) -> str:
        return timestamp(self._clock())


def _count(status: Object, name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) else 0
