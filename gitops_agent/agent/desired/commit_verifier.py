"""Verifies the commits that Applications follow, on threads of its own.

A verdict costs processes, so a reconcile never asks for one: it reads the last judgement, and what is missing is queued and
wakes the Application. A judgement stands until the tip, the demand, an approval or the content of the Secret changes; in
between it costs nothing. Until a newer tip or a changed Secret has been judged by, what was judged before stays in force.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.api.approval_annotation import approved_by_person
from gitops_agent.api.source_options import SignerIdentity, Verify, VerifyMode
from gitops_agent.errors import AgentError, NotFound, ProcessError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.reading import mapping
from gitops_agent.manifest.revision_name import commit_of
from gitops_agent.observe.log import logger
from gitops_agent.source.signature.gate import Gate
from gitops_agent.source.signature.judge import Judge
from gitops_agent.source.signature.judgement import Demand, Judgement, Tag, Verified
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verdict_cache import VerdictCache
from gitops_agent.source.signature.verifier import Verifier
from gitops_agent.source.sources import Ref, Repository, Sources

WORKERS = 2
_log = logger("signatures")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """Everything a judgement depends on besides the Secret's content."""

    uid: str
    repository: Repository
    ref: Ref
    tip: str
    tags: tuple[Tag, ...]
    verify: Verify
    approved: str

    @property
    def secret(self) -> str:
        return self.verify.secret_ref.name if self.verify.secret_ref is not None else ""


@dataclass(slots=True, kw_only=True)
class _Entry:
    """The last question of an Application, and the last answer."""

    application: Application
    question: _Question
    answered: _Question | None = None
    judgement: Judgement | None = None


class CommitVerifier:
    """Judgements on the commits of Applications; thread-safe.

    Args:
        sources: the mirrors.
        secrets: hold the keys of signers.
        queue: of Applications; its workers call `reconcile`.
        cache: keeps verdicts over a restart.
        wake: wakes an Application whose judgement changed.
    """

    def __init__(
        self, sources: Sources, secrets: SecretStore, queue: WorkQueue[AppKey], cache: VerdictCache, wake: Wake
    ) -> None:
        self._sources, self._secrets, self._queue, self._cache, self._wake = sources, secrets, queue, cache, wake
        self._lock = threading.Lock()
        self._entries: dict[AppKey, _Entry] = {}
        secrets.subscribe(self)

    def judged(self, application: Application, repository: Repository, ref: Ref, tip: str) -> Judgement | None:
        """The judgement on a tip; None while it is being verified."""
        question = _Question(
            uid=application.uid,
            repository=repository,
            ref=ref,
            tip=tip,
            tags=self._tags(repository, ref),
            verify=application.spec.source.verify,
            approved=approved_by_person(application),
        )
        with self._lock:
            entry = self._entries.get(application.key)
            if entry is None or entry.question.uid != application.uid:
                entry = self._entries[application.key] = _Entry(application=application, question=question)
            elif entry.answered == question:
                return entry.judgement
            before, entry.application, entry.question = entry.question, application, question
            self._release(application.key.namespace, before.secret)
        self._queue.add(application.key, f"{tip[:12]} is to be verified", Priority.COMMIT)
        return None

    def in_force(self, application: Application, repository: Repository, ref: Ref) -> Judgement | None:
        """The last judgement, while a newer tip is verified."""
        demand = (application.uid, repository, ref, application.spec.source.verify)
        with self._lock:
            entry = self._entries.get(application.key)
            if entry is None or entry.answered is None:
                return None
            last = entry.answered
            return entry.judgement if demand == (last.uid, last.repository, last.ref, last.verify) else None

    def rotated(self, secret: str) -> None:
        """Judges anew what a Secret decides, once its content changed."""
        with self._lock:
            keys = [key for key, entry in self._entries.items() if f"{key.namespace}/{entry.question.secret}" == secret]
        for key in sorted(keys):
            self._queue.add(key, "the signers changed", Priority.COMMIT)

    def forget(self, application: AppKey) -> None:
        """Drops an Application that is gone, or demands nothing any more."""
        with self._lock:
            entry = self._entries.pop(application, None)
            if entry is None:
                return
            self._release(application.namespace, entry.question.secret)
        self._queue.forget(application)

    def reconcile(self, item: Item[AppKey]) -> None:
        """Verifies what one Application follows, on a thread of the signature workers."""
        with self._lock:
            entry = self._entries.get(item.key)
            if entry is None:
                return
            application, question = entry.application, entry.question
            before = entry.judgement.verified if entry.judgement is not None else None
        before = before or _recorded(application)
        try:
            judgement = self._judgement(application, question, before)
            if judgement is None:
                return  # the first list of the Secret queues it again
            if judgement.unfinished:
                self._queue.add(item.key, "the walk continues", Priority.RESYNC)
                return
        except AgentError as error:
            delay = self._queue.retry(item.key, "retry after an error")
            if error.facts.get("failure") == "torn":
                return  # says nothing about signatures; the next poll builds the mirror anew
            _log.warning("signatures not verified", application=str(item.key), error=error, retry_seconds=round(delay, 1))
            judgement = self._refused(question, before, application, error)
        else:
            self._queue.succeeded(item.key)
        with self._lock:
            if self._entries.get(item.key) is not entry or entry.question != question:
                return  # a newer question is queued
            changed = (entry.answered, entry.judgement) != (question, judgement)
            entry.answered, entry.judgement = question, judgement
        if changed:
            self._wake(item.key, f"the signature of {question.tip[:12]} was judged", Priority.COMMIT)

    def _judgement(self, application: Application, question: _Question, before: Verified | None) -> Judgement | None:
        namespace, verify = application.key.namespace, question.verify
        try:
            data = self._secrets.hold(namespace, question.secret)
            if data is None:
                return None
            signers = Signers.read(data, name=question.secret)
        except NotFound:
            missing = SourceError(f"there is no Secret {question.secret} with the signers", reason="SecretNotFound")
            return self._refused(question, before, application, missing)
        except SourceError as error:
            if error.reason != "SecretInvalid":
                raise
            return self._refused(question, before, application, error)
        verifier = Verifier(signers, committer=verify.identity is SignerIdentity.COMMITTER)
        graph = self._sources.graph(question.repository)
        judge = Judge(graph, verifier, self._cache, scope=f"{namespace}/{question.secret}")
        return Gate(judge, self._demand(application, question, before), signers.scopes).decide()

    def _demand(self, application: Application, question: _Question, before: Verified | None) -> Demand:
        return Demand(
            verify=question.verify,
            name=question.ref.value,
            kind=question.ref.git_kind,
            tip=question.tip,
            tags=question.tags,
            before=before,
            applied=commit_of(str(mapping(application.status.get("sync")).get("revision") or "")),
            approved=question.approved,
        )

    def _refused(self, question: _Question, before: Verified | None, application: Application, error: AgentError) -> Judgement:
        """Nothing new is accepted, and what runs stays."""
        demand = self._demand(application, question, before)
        graph = self._sources.graph(question.repository)
        commits = [each for each in (before.revision if before else "", demand.applied) if each]
        with contextlib.suppress(AgentError):
            commits = [commit for commit in commits if graph.has(commit)]
        commit = commits[0] if commits else ""
        stays = f"{demand.name} stays at {commit[:12]}" if commit else f"nothing of {demand.name} is applied"
        reason = "ToolMissing" if isinstance(error, ProcessError) and error.cause == "start" else error.reason
        return Judgement(commit=commit, verified=before, reason=reason, message=f"{error}; {stays}")

    def _tags(self, repository: Repository, ref: Ref) -> tuple[Tag, ...]:
        tips = self._sources.tags(repository, ref)
        return tuple(Tag(name=tip.name.removeprefix("refs/tags/"), object=tip.object, commit=tip.commit) for tip in tips)

    def _release(self, namespace: str, secret: str) -> None:
        """Lets the watch of a Secret end that no judgement needs."""
        users = {(key.namespace, entry.question.secret) for key, entry in self._entries.items()}
        if (namespace, secret) not in users:
            self._secrets.release(namespace, secret)


def demanded(application: Application) -> bool:
    """Whether signatures are demanded of an Application's commits."""
    return application.spec.source.verify.mode is not VerifyMode.NONE


def _recorded(application: Application) -> Verified | None:
    """What an earlier process recorded in the status."""
    verified: Mapping[str, object] = mapping(mapping(application.status.get("source")).get("verified"))
    revision = str(verified.get("revision") or "")
    with contextlib.suppress(ValueError):
        at = datetime.fromisoformat(str(verified.get("at") or ""))
        texts = {name: str(verified.get(name) or "") for name in ("ref", "signer", "key", "kind")}
        return Verified(revision=revision, at=at, **texts) if revision else None
    return None
