"""Polls repositories into mirrors, once for all applications of each.

Nothing happens downstream while no tip moves.

The clock and webhooks put a repository on a queue of its own with its own threads, so a hanging Git server holds a fetch thread
and no reconcile. A repository that fails is polled less and less often (backoff, or the pause it requests), it is never
taken for an empty one, and every application that uses it learns since when.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from gitops_agent.agent.desired.chart_access import chart_access, poll_seconds, recorded_locks, secrets_of
from gitops_agent.agent.desired.pins import Pins
from gitops_agent.agent.desired.poll_slots import PollSlots
from gitops_agent.agent.desired.rewritten_history import rewritten
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.desired.source_use import CHART, ROLES, SOURCE, VALUES, SourceUse
from gitops_agent.agent.desired.unaffected_applications import Reach, UnaffectedApplications
from gitops_agent.agent.ports import EventSink, Wake
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.api.source_options import VerifyMode
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.events.event import Event
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.revision_name import short
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource
from gitops_agent.source.chart.republication import accepting
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.following import chart_beside, followed
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Move, Poll, Sources
from gitops_agent.source.values import values_beside

_log = logger("source")
_GATHER_SECONDS = 1.0
_SLOT_SECONDS = 1.0
_PIN_RETRY_SECONDS = 300.0
"""Until a pinned commit is looked for again that its repository does not have."""
_Users = Iterable[tuple[tuple[AppKey, str], SourceUse]]


class SourcePoller:
    """Keeps the mirrors current and wakes the applications whose reference moved; thread-safe.

    Args:
        sources: the mirrors.
        secrets: hold the credentials.
        scheduler: ticks.
        queue: of repositories; its workers call `reconcile`.
        wake: wakes an application whose reference, or whose repository's state, changed.
        events: take the event of a rewritten history.

    Attributes:
        unaffected: are passed over where a commit leaves them alone; None where all are woken.
    """

    def __init__(
        self,
        sources: Sources,
        secrets: SecretStore,
        scheduler: Scheduler,
        queue: WorkQueue[Repository],
        *,
        wake: Wake,
        events: EventSink,
    ) -> None:
        self.sources = sources
        self._secrets, self._scheduler, self._queue = secrets, scheduler, queue
        self._wake, self._events = wake, events
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._slots = PollSlots()
        self._uses: dict[tuple[AppKey, str], SourceUse] = {}
        self._states: dict[Repository, SourceState] = {}
        self._intervals: dict[Repository, float] = {}
        self._quiet_until: dict[Repository, float] = {}
        self._begun = 0
        self._ended: dict[Repository, int] = {}
        self._askers: dict[Repository, set[AppKey]] = {}
        self._unsaved: list[tuple[Application, Event]] = []
        self._pins = Pins()
        self.unaffected: UnaffectedApplications | None = None
        secrets.subscribe(self)

    def start(self) -> None:
        """Does nothing: the workers of its queue call it."""

    def stop(self) -> None:
        """Cancels the polls under way, whose results are dropped; no other begins."""
        self._stopping.set()

    def use(self, application: Application) -> tuple[Repository, Ref]:
        """Registers an application's source, and polls a new one."""
        spec = application.spec.source
        repository, ref = followed(application.key.namespace, spec)
        ref = accepting(application, repository, ref)
        verified = ref.kind == "semver" and spec.verify.mode in (VerifyMode.TAG, VerifyMode.TAG_AND_HEAD)
        seconds = poll_seconds(application, spec.chart)
        use = SourceUse(repository=repository, ref=ref, seconds=seconds, verified=verified, application=application)
        self._use(application.key, SOURCE, use)
        return repository, ref

    def beside(self, application: Application) -> tuple[ChartSource, ChartRef] | None:
        """Registers the chart that a commit is rendered with, as `use` does."""
        beside = chart_beside(application.key.namespace, application.spec.render)
        helm = application.spec.render.helm if application.spec.render is not None else None
        if beside is None or helm is None:
            self._drop(application.key, CHART)
            return None
        beside = beside[0], accepting(application, *beside)
        seconds = poll_seconds(application, helm.chart)
        use = SourceUse(repository=beside[0], ref=beside[1], seconds=seconds, verified=False, application=application)
        self._use(application.key, CHART, use)
        return beside

    def values(self, application: Application) -> tuple[tuple[Repository, Ref], ...]:
        """Registers the repositories with values, as `use` does."""
        values = values_beside(application.key.namespace, application.spec.render)
        seconds = application.spec.sync.interval.total_seconds()
        for role, (repository, ref) in zip(VALUES, values, strict=False):
            use = SourceUse(repository=repository, ref=ref, seconds=seconds, verified=False, application=application)
            self._use(application.key, role, use)
        for role in VALUES[len(values) :]:
            if (application.key, role) not in self._uses:
                break
            self._drop(application.key, role)
        return values

    def _use(self, key: AppKey, role: str, use: SourceUse) -> None:
        repository = use.repository
        with self._lock:
            before = self._uses.get((key, role))
            self._uses[key, role] = use
        if before != use:
            self._schedule(repository)
            if before is not None and before.repository != repository:
                self._schedule(before.repository)
            source = (use.repository, use.ref, use.verified)
            if before is None or (before.repository, before.ref, before.verified) != source:
                with self._lock:
                    state = self._states.get(repository, SourceState())
                    polled = state.polled and any(
                        follower != (key, role)
                        and (other.repository, other.ref, other.verified) == (repository, use.ref, use.verified)
                        for follower, other in self._uses.items()
                    )
                # A hundred Applications that come at once cost one more poll, not a hundred.
                self._queue.add(
                    repository, "a new reference", priority=Priority.COMMIT, delay=_GATHER_SECONDS if polled else 0.0
                )

    def forget(self, application: AppKey) -> None:
        """Drops what an application read."""
        for role in ROLES:
            self._drop(application, role)

    def _drop(self, application: AppKey, role: str) -> None:
        with self._lock:
            use = self._uses.pop((application, role), None)
        if use is not None:
            self._schedule(use.repository)

    def pin(self, application: AppKey, repository: Repository, ref: Ref, *, fetch: bool) -> None:
        """Keeps a commit that an application reads beside what it follows.

        Args:
            application: is woken when the commit is there, or cannot be had.
            repository: where it is.
            ref: the commit.
            fetch: it is not there yet.
        """
        self._dropped(self._pins.add(application, repository, ref))
        if fetch:
            with self._lock:
                self._askers.setdefault(repository, set()).add(application)
            self._queue.add(repository, "a pinned commit", priority=Priority.COMMIT)

    def unpin(self, application: AppKey, *, absent: bool = False) -> None:
        """Drops what an application pinned; with `absent` only what was never fetched."""
        self._dropped(self._pins.drop(application, self.sources.holds if absent else None))

    def _dropped(self, repositories: frozenset[Repository]) -> None:
        for repository in repositories:
            self._queue.add(repository, "its pinned commits are no longer read")

    def ask(self, application: AppKey, reason: str) -> int:
        """Polls the application's repositories, then wakes the application.

        Returns:
            The number of the polls that answer: those that begin after this call, since one under way may have read the
            repository before the push that the caller knows of.
        """
        with self._lock:
            repositories = {use.repository for use in self._used(application)}
            for repository in repositories:
                self._askers.setdefault(repository, set()).add(application)
            number = self._begun + 1 if repositories else 0
            repositories |= {other for other in self._pins.of(application) if _faulty(self._states.get(other))}
            for repository in repositories:
                self._quiet_until.pop(repository, None)
        for repository in repositories:
            self._queue.add(repository, reason, priority=Priority.USER)
        return number

    def repositories(self) -> tuple[Repository, ...]:
        """The repositories that are followed."""
        with self._lock:
            return tuple(self._intervals)

    def poll_soon(self, repository: Repository, reason: str, *, delay: float = 0.0) -> None:
        """Polls a repository after `delay` seconds, before those whose interval is over."""
        self._queue.add(repository, reason, priority=Priority.COMMIT, delay=delay)

    def behind(self, repository: Repository, reference: str, commit: str) -> bool:
        """Whether a followed branch was elsewhere at the last poll.

        The reference is full, such as `refs/heads/main`.
        """
        with self._lock:
            refs = {use.ref for use in self._uses.values() if use.repository == repository}
        for ref in refs:
            if ref.kind == "branch" and reference == f"refs/heads/{ref.value}":
                with suppress(SourceError):
                    return self.sources.resolve(repository, ref).commit != commit
                return True
        return False

    def _used(self, application: AppKey) -> list[SourceUse]:
        return [self._uses[application, role] for role in ROLES if (application, role) in self._uses]

    def answered(self, application: AppKey, number: int) -> bool:
        """Whether those polls of the application's repositories, or later ones, ended."""
        with self._lock:
            return all(self._ended.get(use.repository, 0) >= number for use in self._used(application))

    def rotated(self, secret: str) -> None:
        """Polls the repositories that use a Secret whose content changed."""
        with self._lock:
            repositories = {use.repository for use in self._uses.values() if secret in secrets_of(use.repository, use.ref)}
            repositories |= self._pins.with_secret(secret)
            for repository in repositories:
                self._quiet_until.pop(repository, None)
        for repository in repositories:
            self._queue.add(repository, "credentials changed", priority=Priority.COMMIT)

    def state(self, repository: Repository) -> SourceState:
        """What is known of a repository."""
        with self._lock:
            return self._states.get(repository, SourceState())

    def reconcile(self, item: Item[Repository]) -> None:
        """Polls one repository, on a thread of the source workers."""
        repository = item.key
        if self._stopping.is_set():
            return
        if not self._slots.take(repository):
            self._queue.add(repository, "waits for a slot", item.priority, delay=_SLOT_SECONDS)
            return
        try:
            self._poll(repository)
        finally:
            self._slots.release(repository)

    def _poll(self, repository: Repository) -> None:
        with self._lock:
            uses = [use for use in self._uses.values() if use.repository == repository]
            pins = self._pins.refs(repository)
            readers = {key for keys in pins.values() for key in keys}
            users = [*uses, *(use for (key, role), use in self._uses.items() if role == SOURCE and key in readers)]
            refs = frozenset(use.ref for use in uses) | pins.keys()
            verified = frozenset(use.ref for use in uses if use.verified)
            before = self._states.get(repository, SourceState())
            number = self._begun = self._begun + 1
            askers = self._askers.pop(repository, set())
            unsaved, self._unsaved = self._unsaved, []
        for application, event in unsaved:
            self._emit(application, event)
        if not refs:
            self._unwanted(repository)
            return
        try:
            if isinstance(repository, ChartSource):
                locks = [lock for use in users for lock in recorded_locks(use.application, repository.url)]
                access = chart_access(self._secrets, repository, refs)
                result = self.sources.poll(repository, refs, cancel=self._stopping, access=access, locks=locks)
            else:
                credentials = self._credentials(repository)
                result = self.sources.poll(repository, refs, credentials, cancel=self._stopping, verified=verified)
        except AgentError as error:
            if self._stopping.is_set():  # it says nothing of the repository
                return
            self._failed(repository, before, error)
            self._answer(repository, number, askers)
        else:
            after = self._read(repository, before, result, refs)
            self._answer(repository, number, askers)  # before the others are woken, however many follow the repository
            self._spread(repository, before, after, result)

    def _answer(self, repository: Repository, number: int, askers: set[AppKey]) -> None:
        with self._lock:
            self._ended[repository] = number
        for key in sorted(askers):
            self._wake(key, "the repository was read as asked", Priority.USER)

    def _read(self, repository: Repository, before: SourceState, result: Poll, refs: frozenset[Ref]) -> SourceState:
        """Notes what a poll found."""
        metrics.POLLS.labels("ok").inc()
        if isinstance(repository, ChartSource) and any(error.transient for error in result.errors.values()):
            self._queue.retry(repository, "retry after a part of a poll failed")
        else:
            self._queue.succeeded(repository)
        now = datetime.now(UTC)
        since = {ref: before.refs_since.get(ref, now) for ref in result.errors}
        after = SourceState(polled=True, at=now, refs=dict(result.errors), refs_since=since, asked=refs)
        with self._lock:
            self._states[repository] = after
            self._quiet_until.pop(repository, None)
        if before.error is not None:
            _log.info("repository answers again", repository=repository.url, since=before.since)
        return after

    def _spread(self, repository: Repository, before: SourceState, after: SourceState, result: Poll) -> None:
        """Wakes those that what a poll found concerns, the touched ones first."""
        with self._lock:
            users = {follower: use for follower, use in self._uses.items() if use.repository == repository}
        moves = {move.ref: move for move in result.moved}
        self._wake_readers(repository, before, after)
        reach = {ref: self._reach(repository, before, move, users.items()) for ref, move in moves.items()}
        untouched = frozenset[AppKey]().union(*(each.same for each in reach.values()))
        for (key, _), use in sorted(users.items(), key=lambda user: (user[0][0] in untouched, user[0])):
            move = moves.get(use.ref)
            if move is not None and key in reach[move.ref].passed:
                continue
            if move is not None and move.rewritten:
                self._emit(use.application, rewritten(use.application, move))
            error_changed = str(before.refs.get(use.ref)) != str(after.refs.get(use.ref))
            new = not before.of(use.ref).polled and after.of(use.ref).polled
            if move is not None or new or before.error is not None or error_changed:
                reason = f"{use.ref.value} is at {short(move.new)}" if move else "the repository was read"
                self._wake(key, reason, Priority.COMMIT)
        for move in result.moved:
            _log.info(
                "history rewritten" if move.rewritten else "revision seen",
                repository=repository.url,
                ref=move.ref.value,
                old=move.old,
                new=move.new,
                lost=move.lost,
            )

    def _reach(self, repository: Repository, before: SourceState, move: Move, users: _Users) -> Reach:
        """Whom a moved reference touches; everyone after a poll that failed."""
        if self.unaffected is None or not before.of(move.ref).polled or before.error is not None or move.ref in before.refs:
            return Reach()
        return self.unaffected.pass_over(repository, move, {key for (key, _), use in users if use.ref == move.ref})

    def _wake_readers(self, repository: Repository, before: SourceState, after: SourceState) -> None:
        """Wakes those that read pinned commits, after a poll that ended well."""
        pins = self._pins.refs(repository)
        for ref, keys in pins.items():
            for key in sorted(keys) if str(before.of(ref).error) != str(after.of(ref).error) else ():
                self._wake(key, f"{ref.value[:12]} of {repository} was read", Priority.COMMIT)
        if any(ref in after.refs for ref in pins):
            self._queue.add(repository, "a pinned commit is not there yet", delay=_PIN_RETRY_SECONDS)

    def _emit(self, application: Application, event: Event) -> None:
        """Saves an event, at the next poll if it fails now."""
        try:
            self._events.emit(application.raw, (event,))
        except AgentError as error:
            _log.warning("event could not be saved", error=error)
            with self._lock:
                self._unsaved.append((application, event))

    def _failed(self, repository: Repository, before: SourceState, error: AgentError) -> None:
        metrics.POLLS.labels("failed").inc()
        now, refs, since = datetime.now(UTC), before.refs, before.refs_since
        after = SourceState(polled=True, at=now, error=error, since=before.since or now, refs=refs, refs_since=since)
        with self._lock:
            self._states[repository] = after
            users = {key for (key, _), use in self._uses.items() if use.repository == repository}
        users |= {key for keys in self._pins.refs(repository).values() for key in keys}
        delay = self._queue.retry(repository, "retry after a failed poll", after=error.facts.get("retry_after"))
        with self._lock:
            self._quiet_until[repository] = time.monotonic() + delay
        if str(before.error) != str(error):
            _log.warning("repository unavailable", repository=repository.url, error=error, retry_seconds=round(delay, 1))
            for key in sorted(users):
                self._wake(key, "the repository cannot be read", Priority.RESYNC)

    def _credentials(self, repository: Repository) -> Credentials | None:
        if not repository.secret:
            return None
        namespace, _, name = repository.secret.partition("/")
        return Credentials.from_secret(self._secrets.git_credentials(namespace, name, repository.host))

    def _schedule(self, repository: Repository) -> None:
        """Polls at the shortest interval of the applications that are left."""
        with self._lock:
            intervals = [use.seconds for use in self._uses.values() if use.repository == repository]
            seconds = min(intervals, default=0.0)
            if self._intervals.get(repository) == seconds:
                return
            self._intervals[repository] = seconds
        name = f"poll {repository.url} {repository.secret}"
        if seconds:
            self._scheduler.every(name, seconds, lambda: self._tick(repository), jitter=seconds / 20)
        else:
            self._scheduler.cancel(name)
            with self._lock:
                self._intervals.pop(repository, None)
                self._states.pop(repository, None)
            self._queue.forget(repository)
            self._queue.add(repository, "it is no longer followed")

    def _unwanted(self, repository: Repository) -> None:
        """Removes a mirror without users.

        An application that follows the repository again has queued another poll.
        """
        self._slots.forget(repository)
        with self._lock:
            for kept in (self._states, self._ended, self._quiet_until):
                kept.pop(repository, None)
        try:
            self.sources.forget(repository)
        except AgentError as error:
            _log.warning("mirror not removed", repository=repository.url, error=error)

    def _tick(self, repository: Repository) -> None:
        with self._lock:
            quiet = self._quiet_until.get(repository, 0.0) > time.monotonic()
        if not quiet:
            self._queue.add(repository, "interval")


def _faulty(state: SourceState | None) -> bool:
    return state is not None and (state.error is not None or bool(state.refs))
