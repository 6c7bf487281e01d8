"""Sends the statuses of commits to one forge, on its own thread.

The ledger says what is due; this asks the board, sends, and records what was sent. A commit is recorded before its first status
is sent, so that a crash in between leaves none pending for ever. A forge that limits requests delays everything for it; the
refusal of one commit (a token that may not write there) delays that commit alone and is tried again for a day.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitops_agent.api.notifier import Notifier, NotifierSpec
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import NO_SECRET, SecretContent, SecretReader
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.commit_board import CommitBoard, Mailbox
from gitops_agent.notify.commit_status import CommitStatus
from gitops_agent.notify.commit_status_ledger import CommitStatusLedger, Due, Stream
from gitops_agent.notify.commit_status_record import DEPLOYMENT, WHOLE, CommitRecord
from gitops_agent.notify.commit_status_store import CommitStatusStore
from gitops_agent.notify.delivery_worker import RetryPolicy
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.links import commit_page, page_of_application
from gitops_agent.notify.providers import DEPLOYMENTS, FORGES
from gitops_agent.notify.sender import hidden, judged
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger

_log = logger("notify")
_FLUSH_AGAIN_SECONDS = 5.0
_REFUSED_SECONDS = 300.0
_FAILURES_UNTIL_SAID = 3
_GONE = frozenset({404, 409, 410, 422})
"""The forge knows no such commit or repository, or has enough of its statuses: no later attempt would be taken."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatusOptions:
    """What holds for all forges.

    Attributes:
        cluster: its name, in the names of statuses.
        external_url: where people reach the dashboard; empty where they do not.
        retry: how long and how often something is tried.
        clock: aware time, UTC.
        look_seconds: between two readings of the board, however much changes.
    """

    cluster: str
    external_url: str = ""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], datetime] = _now
    look_seconds: float = 1.0


class CommitStatusWorker:
    """The thread of one Notifier of a forge.

    Args:
        notifier: whose forge it is.
        objects: the cluster, for its status.
        secrets: hold the token.
        http: the client, of this worker alone.
        board: knows where Applications stand.
        options: what holds for all forges.
    """

    def __init__(
        self,
        notifier: Notifier,
        objects: Objects,
        secrets: SecretReader,
        *,
        http: HttpClient,
        board: CommitBoard,
        options: CommitStatusOptions,
    ) -> None:
        self._secrets, self._http, self._board, self._options = secrets, http, board, options
        self._store = CommitStatusStore(objects, notifier, clock=options.clock)
        self._ledger = CommitStatusLedger(self._store.kept())
        self._mailbox = Mailbox()
        self._stopping = threading.Event()
        self._failures = 0
        self._retry_at = self._look_at = self._flush_at = 0.0
        self._refused: dict[tuple[str, str], float] = {}
        self._thread = threading.Thread(
            target=self._run, name=f"notify-{notifier.key.namespace}-{notifier.key.name}", daemon=True
        )

    @property
    def notifier(self) -> Notifier:
        """The Notifier as it is now."""
        return self._store.notifier

    def start(self) -> None:
        """Starts to send."""
        self._board.subscribe(self._mailbox)
        self._thread.start()

    def update(self, notifier: Notifier) -> None:
        """Takes a newer form of the Notifier; its spec counts at once."""
        fresh = self._store.notifier.spec != notifier.spec
        self._store.notifier = notifier
        if fresh:
            self._retry_at = 0.0
            self._refused.clear()
        self._mailbox.changed.set()

    def ask_to_stop(self) -> None:
        """Lets the request under way end, begins no other."""
        self._stopping.set()
        self._board.unsubscribe(self._mailbox)
        self._mailbox.changed.set()

    def join(self, seconds: float) -> None:
        """Waits for the end; aborts a request that takes longer."""
        if self._thread.ident is None:
            return
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            self._http.abort()
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._mailbox.changed.clear()
            pause: float | None = _FLUSH_AGAIN_SECONDS
            try:
                pause = self._step()
            except Exception:  # noqa: BLE001 - one bad commit must not end the thread of its forge
                _log.exception("commit statuses failed unexpectedly", notifier=str(self.notifier.key))
            if pause is None or pause > 0:
                self._mailbox.changed.wait(pause)
        self._flush()

    def _step(self) -> float | None:
        """Looks, sends and writes; returns the seconds until the next step."""
        self._store.answer_test()
        if not self._board.ready:
            self._flush()
            return self._flush_pause()
        if time.monotonic() < self._look_at:
            return self._look_at - time.monotonic()
        self._look()
        if time.monotonic() >= self._retry_at:
            self._send()
        self._flush()
        return self._idle_seconds()

    def _look(self) -> None:
        """Takes over what the board knows."""
        self._look_at = time.monotonic() + self._options.look_seconds
        spec, now = self.notifier.spec, self._options.clock()
        fresh = self._mailbox.take()
        streams = {
            stream: following
            for stream, following in self._board.streams(spec.applications).items()
            if FORGES[spec.provider].serves(stream.repository, spec)
        }
        everything: set[str] = set()
        for stream, following in streams.items():
            names = {application.name for application in following.applications}
            everything |= names
            before, lost = self._ledger.head(stream), frozenset[str]()
            if before and before != following.head:
                between = self._board.between(stream, before, following.head)
                lost = self._lost(stream, following.head) if between is None else lost
                for commit in between or ():
                    self._ledger.follow(stream, commit, names, now, passed=True)
            new = self._ledger.follow(stream, following.head, names, now, lost=lost)
            for application in following.applications:
                if fresh is not None and application not in fresh and not new:
                    continue
                sight = self._board.sight(application)
                if sight is not None:
                    self._ledger.saw(stream, application.name, sight, differs=self._differs(application))
        self._ledger.keep(everything)

    def _lost(self, stream: Stream, head: str) -> frozenset[str]:
        """The open commits that a rewritten branch does not hold."""
        others = (commit for commit in self._ledger.waiting(stream) if commit != head)
        return frozenset(commit for commit in others if self._board.between(stream, commit, head) is None)

    def _differs(self, application: AppKey) -> Callable[[str], bool]:
        return lambda commit: self._board.differs(application, commit)

    def _send(self) -> None:
        options, now = self.notifier.spec.statuses, self._options.clock()
        begun: CommitRecord | None = None
        for due in self._ledger.due(now, per_application=options.per_application, deployments=options.deployments):
            if self._stopping.is_set():
                return
            if due.record.refused or self._refused.get(due.record.key, 0.0) > time.monotonic():
                continue
            if not due.record.statuses and begun is not due.record:
                begun = due.record
                if not self._written():
                    return
            if not self._attempt(due):
                return

    def _attempt(self, due: Due) -> bool:
        """Sends one status; whether the forge takes more now."""
        spec, secret = self.notifier.spec, NO_SECRET
        try:
            secret = self._secret()
            if due.name == DEPLOYMENT:
                self._deploy(due, secret, spec)
            else:
                forge = FORGES[spec.provider]
                judged(
                    forge.judge,
                    self._exchange(forge.status(self._status(due), secret.data, spec), secret),
                    secret,
                    spec.address,
                )
        except AgentError as error:
            return self._failed(due, hidden(error, secret, spec.address))
        self._failures, self._retry_at = 0, 0.0
        self._ledger.sent(due, self._options.clock())
        self._store.count("delivered")
        self._store.report(ready=True, reason="Ready", message="the forge takes statuses")
        self._flush_at = 0.0
        metrics.NOTIFICATIONS.labels(str(self.notifier.key), "delivered").inc()
        _log.info("commit status", notifier=str(self.notifier.key), commit=due.record.commit, state=due.state.value)
        return True

    def _deploy(self, due: Due, secret: SecretContent, spec: NotifierSpec) -> None:
        """Makes the deployment of a commit first, then sets its state."""
        forge, record = DEPLOYMENTS[spec.provider], due.record
        environment = spec.statuses.environment or self._options.cluster
        ref = next(iter(record.refs), "").partition(" ")[2]
        deployment = Deployment(status=self._status(due), ref=ref, environment=environment, id=record.deployment)
        if not record.deployment:
            request = forge.create_deployment(deployment, secret.data, spec)
            answer = self._exchange(request, secret)
            judged(FORGES[spec.provider].judge, answer, secret, spec.address)
            record.deployment = forge.deployment_id(answer)
            self._written()
            deployment = Deployment(status=deployment.status, ref=ref, environment=environment, id=record.deployment)
        answer = self._exchange(forge.deployment_status(deployment, secret.data, spec), secret)
        judged(FORGES[spec.provider].judge, answer, secret, spec.address)

    def _status(self, due: Due) -> CommitStatus:
        spec, record, url = self.notifier.spec, due.record, self._options.external_url
        name = spec.statuses.name or f"gitops-agent/{self._options.cluster}"
        apart = due.name not in (WHOLE, DEPLOYMENT)
        application = AppKey(self.notifier.key.namespace, due.name)
        return CommitStatus(
            repository=record.repository,
            commit=record.commit,
            name=f"{name}/{due.name}" if apart else name,
            state=due.state,
            description=due.description,
            link=page_of_application(application, url) if apart else commit_page(record.commit, url),
        )

    def _exchange(self, request: Request, secret: SecretContent) -> Answer:
        return self._http.send(request, authority=secret.data.get("ca.crt", b""), secret=secret.hosts)

    def _secret(self) -> SecretContent:
        reference = self.notifier.spec.secret_ref
        if reference is None:
            return NO_SECRET
        try:
            return self._secrets.read(self.notifier.key.namespace, reference.name)
        except NotFound:
            raise AgentError(f"there is no Secret {reference.name}", reason="SecretNotFound") from None

    def _failed(self, due: Due, error: AgentError) -> bool:
        """Puts off everything, or one commit; whether the forge takes more now."""
        text = error.message[:300]
        status = error.facts.get("status")
        key = str(self.notifier.key)
        self._failures += 1
        if error.transient or not isinstance(error, DeliveryError):
            metrics.NOTIFICATIONS.labels(key, "failed").inc()
            retry_after = error.retry_after if isinstance(error, DeliveryError) else None
            self._retry_at = time.monotonic() + self._options.retry.pause(self._failures, asked=retry_after)
            if self._failures >= _FAILURES_UNTIL_SAID or not error.transient:
                self._store.fail(error.reason, f"tried again: {text}")
            return False
        age = self._options.clock() - due.record.since
        if status in _GONE or age >= self._options.retry.give_up:
            due.record.refused = due.name != DEPLOYMENT
            self._ledger.sent(due, self._options.clock())
            self._store.count("dropped")
            metrics.NOTIFICATIONS.labels(key, "dropped").inc()
        else:
            self._refused[due.record.key] = time.monotonic() + _REFUSED_SECONDS
        self._store.fail(error.reason, f"{due.record.commit[:12]}: {text}")
        _log.warning("a commit status was refused", notifier=key, commit=due.record.commit, error=text)
        return True

    def _idle_seconds(self) -> float | None:
        options, now = self.notifier.spec.statuses, time.monotonic()
        due = self._ledger.seconds_to_next(
            self._options.clock(), per_application=options.per_application, deployments=options.deployments
        )
        moments = [] if due is None else [max(due, self._retry_at - now)]
        if due is not None and due <= 0 and self._refused:
            moments = [max(moments[0], min(self._refused.values()) - now)]
        if (flush := self._flush_pause()) is not None:
            moments.append(flush)
        return max(0.05, min(moments)) if moments else None

    def _flush_pause(self) -> float | None:
        """Seconds until the next write; None when all is written."""
        unwritten = self._store.dirty or self._ledger.changed
        return max(0.05, self._flush_at - time.monotonic()) if unwritten else None

    def _flush(self) -> None:
        if not (self._store.dirty or self._ledger.changed) or (
            time.monotonic() < self._flush_at and not self._stopping.is_set()
        ):
            return
        self._written()

    def _written(self) -> bool:
        """Whether everything is in the cluster now."""
        try:
            self._store.write(self._ledger.to_json())
        except AgentError as error:
            self._flush_at = time.monotonic() + _FLUSH_AGAIN_SECONDS
            _log.warning("commit statuses cannot be recorded", notifier=str(self.notifier.key), error=error)
            return False
        self._ledger.changed = False
        self._flush_at = time.monotonic() + self._options.look_seconds
        return True
